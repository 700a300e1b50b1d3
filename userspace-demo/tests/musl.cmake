# SPDX-License-Identifier: MIT
# No C++ library for musl is packaged. So a C program tells what musl does to the
# mark, and of the library there is the part that needs no C++ runtime: clang's
# headers of the C++ library know musl.
find_program(MUSL_GCC musl-gcc)
find_program(MUSL_CLANG clang++)
find_path(LIBCXX_HEADERS __config_site PATH_SUFFIXES c++/v1)
set(constants ${PROJECT_SOURCE_DIR}/../uapi)
if(MUSL_GCC)
  set(musl_source ${CMAKE_CURRENT_SOURCE_DIR}/libc_test.c)
  add_custom_command(OUTPUT musl_test
    COMMAND ${MUSL_GCC} -static -Wall -Wextra -Werror -isystem ${constants}
            -o musl_test ${musl_source}
    DEPENDS ${musl_source} ${constants}/close_on_fork.h)
  add_custom_target(musl ALL DEPENDS musl_test)
endif()
if(NOT MUSL_GCC OR NOT MUSL_CLANG OR NOT LIBCXX_HEADERS)
  message(STATUS "musl_core_test: not built: needs musl-gcc, clang and libc++")
  return()
endif()

# Of the system's headers the kernel's alone, and with them what says that the C
# library is musl, which is not what Debian built libc++ for.
set(musl_headers ${CMAKE_CURRENT_BINARY_DIR}/musl-headers)
file(WRITE ${musl_headers}/__config_site
  "#include_next <__config_site>\n#undef _LIBCPP_HAS_MUSL_LIBC\n"
  "#define _LIBCPP_HAS_MUSL_LIBC 1\n")
foreach(directory linux asm-generic ${CMAKE_LIBRARY_ARCHITECTURE}/asm)
  get_filename_component(name ${directory} NAME)
  file(CREATE_LINK /usr/include/${directory} ${musl_headers}/${name} SYMBOLIC)
endforeach()
set(musl_libc_headers /usr/include/${CMAKE_SYSTEM_PROCESSOR}-linux-musl)

file(GLOB core_headers CONFIGURE_DEPENDS ../src/*.h ../include/clofork/*.h)
foreach(source musl_core_test.cpp ../src/child_path.cpp ../src/gate.cpp)
  get_filename_component(name ${source} NAME)
  add_custom_command(OUTPUT musl-${name}.o
    COMMAND ${MUSL_CLANG} -std=c++20 -O2 -Wall -Wextra -Werror
            -fno-exceptions -fno-rtti -fno-stack-protector
            -nostdlibinc -isystem ${musl_headers} -isystem ${LIBCXX_HEADERS}
            -isystem ${musl_libc_headers} -isystem ${constants}
            -I ${PROJECT_SOURCE_DIR}/include -I ${PROJECT_SOURCE_DIR}/src
            -c -o musl-${name}.o ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPENDS ${source} ${core_headers})
  list(APPEND core_objects musl-${name}.o)
endforeach()
add_custom_command(OUTPUT musl_core_test
  COMMAND ${MUSL_GCC} -static -o musl_core_test ${core_objects}
  DEPENDS ${core_objects})
add_custom_target(musl_core ALL DEPENDS musl_core_test)
