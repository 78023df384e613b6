# mpiae_same_bits(folder/noun LIBRARIES ae_x … ARGUMENTS …): builds folder/bits_<noun>.c and requires that it prints
# the same on all of RANKS.
function(mpiae_same_bits path)
  get_filename_component(folder ${path} DIRECTORY)
  get_filename_component(noun ${path} NAME)
  cmake_parse_arguments(arg "" "" "LIBRARIES;ARGUMENTS" ${ARGN})
  add_executable(bits_${noun} ${folder}/bits_${noun}.c)
  target_link_libraries(bits_${noun} PRIVATE ${arg_LIBRARIES})
  list(JOIN RANKS " " ranks)
  add_test(NAME same_bits_${noun} COMMAND ${launcher} ${CMAKE_CURRENT_SOURCE_DIR}/harness/same_bits.sh ${ranks} $<TARGET_FILE:bits_${noun}> ${arg_ARGUMENTS})
  set_tests_properties(same_bits_${noun} PROPERTIES TIMEOUT 300 LABELS whole)
endfunction()
