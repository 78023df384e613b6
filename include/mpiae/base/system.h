/* Questions to the operating system that several folders have. Local. */
#ifndef MPIAE_BASE_SYSTEM_H
#define MPIAE_BASE_SYSTEM_H

/* Name of this host, cut to fit. */
#define AE_HOST_NAME 64
void ae_host_name(char name[AE_HOST_NAME]);

/* Makes a rename or a new link at `path` outlast a fall of the machine, where the file system can: syncs the directory
 * in which it stands. */
void ae_sync_directory_of(const char *path);

#endif
