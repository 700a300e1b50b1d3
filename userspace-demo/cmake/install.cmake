# SPDX-License-Identifier: MIT
# Components: runtime, what a program needs that was linked to the shared
# library; development; tools.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/clofork)
install(TARGETS clofork EXPORT clofork-static-targets
  ARCHIVE COMPONENT development)
install(TARGETS clofork_shared EXPORT clofork-shared-targets
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT development)
foreach(kind static shared)
  install(EXPORT clofork-${kind}-targets NAMESPACE clofork::
    DESTINATION ${package_directory} COMPONENT development)
endforeach()
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/clofork-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES cmake/clofork-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/clofork-config-version.cmake
  DESTINATION ${package_directory} COMPONENT development)
install(DIRECTORY include/clofork DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT development FILES_MATCHING PATTERN "*.h")

# Relative to where the file itself is, so that `cmake --install --prefix` and
# a moved tree have it right.
set(pc_directory ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR
  BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${pc_directory}
  OUTPUT_VARIABLE pc_libdir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR
  BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${pc_directory}
  OUTPUT_VARIABLE pc_includedir)
configure_file(cmake/clofork.pc.in clofork.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/clofork.pc
  DESTINATION ${pc_directory} COMPONENT development)

if(PROJECT_IS_TOP_LEVEL)
  install(TARGETS clofork-probe etxtbsy-race RUNTIME COMPONENT tools)
  if(TARGET clofork-preload)
    # Where no linker looks: it is named by its path.
    install(TARGETS clofork-preload
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/clofork COMPONENT tools)
  endif()
endif()
# The pages of the library and its tools, where the documentation is beside it.
file(GLOB library_pages CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/../Documentation/man/*.3)
file(GLOB tool_pages CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/../Documentation/man/*.1)
install(FILES ${library_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man3
  COMPONENT development)
install(FILES ${tool_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
  COMPONENT tools)
