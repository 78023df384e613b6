/* For LD_PRELOAD: a host whose oneDNN is of another age. */
typedef struct version {
  int major, minor, patch;
  const char *hash;
  unsigned cpu_runtime, gpu_runtime;
} version;

const version *dnnl_version(void);

const version *dnnl_version(void) {
  static const version other = {9, 8, 7, "", 0, 0};
  return &other;
}
