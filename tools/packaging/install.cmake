# What `cmake --install` places, and the man pages and completion, which are made here from the program's own tables.
set(share ${CMAKE_INSTALL_DATADIR}/mpiae)

install(TARGETS mpiae RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY configs DESTINATION ${share} FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY jobs DESTINATION ${share} USE_SOURCE_PERMISSIONS FILES_MATCHING PATTERN "*.sbatch")

# Documents keep their places, so that links between them lead on.
set(documents README.md CHANGELOG.md configs/README.md configs/vhe-mnist-given.png jobs/README.md tools/README.md tools/study/README.md
              findings/README.md src/README.md src/cli/README.md src/h5/README.md)
foreach(document ${documents})
  cmake_path(GET document PARENT_PATH folder)
  install(FILES ${document} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()

# The report tool, and a command that finds it from wherever the tree was moved to.
install(PROGRAMS tools/python tools/report.py DESTINATION ${share}/tools)
install(FILES tools/pictures.py tools/mosaic.py tools/scatters.py DESTINATION ${share}/tools)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_DATADIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_BINDIR} OUTPUT_VARIABLE data_from_bin)
configure_file(tools/packaging/mpiae-report.in mpiae-report @ONLY FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
               GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(PROGRAMS ${PROJECT_BINARY_DIR}/mpiae-report DESTINATION ${CMAKE_INSTALL_BINDIR})

# Module files for Lmod and for Tcl; only now is it known where the program goes.
install(CODE "
  set(version ${PROJECT_VERSION})
  get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
  set(bin \"\${prefix}/${CMAKE_INSTALL_BINDIR}\")
  set(man \"\${prefix}/${CMAKE_INSTALL_MANDIR}\")
  set(share \"\${prefix}/${share}\")
  set(modules \"\$ENV{DESTDIR}\${prefix}/${share}/modulefiles/mpiae\")
  configure_file(\"${PROJECT_SOURCE_DIR}/tools/packaging/modulefile.lua.in\" \"\${modules}/\${version}.lua\" @ONLY)
  configure_file(\"${PROJECT_SOURCE_DIR}/tools/packaging/modulefile.tcl.in\" \"\${modules}/\${version}\" @ONLY)
")

# A program of this build writes them, so it must run here: on another machine's only by an emulator.
add_executable(mpiae_manual src/manual/main.c)
target_link_libraries(mpiae_manual PRIVATE ae_manual)
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  message(WARNING "No man pages and no completion are made: a program of this build writes them, and it cannot run here. "
                  "Name an emulator in CMAKE_CROSSCOMPILING_EMULATOR (qemu-aarch64 -L /usr/aarch64-linux-gnu, say).")
  set_target_properties(mpiae_manual PROPERTIES EXCLUDE_FROM_ALL ON)
  return()
endif()

# The same pages of the same sources: the day is that of the commit, or what SOURCE_DATE_EPOCH says.
string(TIMESTAMP day "%Y-%m-%d" UTC)
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -C ${PROJECT_SOURCE_DIR} log -1 --format=%cs OUTPUT_VARIABLE committed OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(committed)
    set(day ${committed})
  endif()
endif()

set(manual ${PROJECT_BINARY_DIR}/manual)
set(inputs ${PROJECT_SOURCE_DIR}/tools/report.py ${PROJECT_SOURCE_DIR}/src/manual/completion.bash)
file(MAKE_DIRECTORY ${manual}/man1 ${manual}/man5)
# A sanitizer would count what libraries keep to the end.
add_custom_command(OUTPUT ${manual}/mpiae ${manual}/mpirun ${manual}/mpiexec
                   COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:mpiae_manual> ${manual} ${day} ${inputs}
                   COMMAND ${CMAKE_COMMAND} -E create_symlink mpiae ${manual}/mpirun
                   COMMAND ${CMAKE_COMMAND} -E create_symlink mpiae ${manual}/mpiexec
                   DEPENDS mpiae_manual ${inputs} VERBATIM)
add_custom_target(manual ALL DEPENDS ${manual}/mpiae)
install(DIRECTORY ${manual}/man1 ${manual}/man5 DESTINATION ${CMAKE_INSTALL_MANDIR})
# bash-completion reads the file that is named like the command.
install(FILES ${manual}/mpiae ${manual}/mpirun ${manual}/mpiexec DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
