# SPDX-License-Identifier: MIT
# find_package(clofork [VERSION] [COMPONENTS static|shared]): clofork::clofork.
# Without a component BUILD_SHARED_LIBS decides, or where that is not set, what
# is installed, shared first.
include(CMakeFindDependencyMacro)
find_dependency(Threads)

set(kinds ${clofork_FIND_COMPONENTS})
if(NOT kinds AND DEFINED BUILD_SHARED_LIBS)
  if(BUILD_SHARED_LIBS)
    set(kinds shared)
  else()
    set(kinds static)
  endif()
elseif(NOT kinds)
  set(kinds static)
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/clofork-shared-targets.cmake)
    set(kinds shared)
  endif()
endif()

if(NOT kinds MATCHES "^(static|shared)$")
  set(clofork_NOT_FOUND_MESSAGE
      "the components are static and shared, one of them, not: ${kinds}")
  set(clofork_FOUND FALSE)
elseif(NOT EXISTS ${CMAKE_CURRENT_LIST_DIR}/clofork-${kinds}-targets.cmake)
  set(clofork_NOT_FOUND_MESSAGE "the ${kinds} library is not installed")
  set(clofork_FOUND FALSE)
else()
  include(${CMAKE_CURRENT_LIST_DIR}/clofork-${kinds}-targets.cmake)
endif()
unset(kinds)
