# Flags for targets of this repository. They are PRIVATE: nothing here reaches a target that merely uses zolt.

set(zolt_warning_flags
  -Wall -Wextra -Wpedantic -Werror
  -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-align -Wcast-qual
  -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wimplicit-fallthrough -Wundef -Wunused -Wvla)
set(zolt_sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)

# zolt_own_target(name [NATIVE]): warnings as errors, sanitizers if asked for, and -march=native for examples and benchmarks.
function(zolt_own_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NATIVE" "" "")
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${name} PRIVATE ${zolt_warning_flags})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # GoogleTest's variadic macros are called without variadic arguments, which C++20 allows and clang 14 still reports.
    target_compile_options(${name} PRIVATE -Wno-gnu-zero-variadic-macro-arguments)
  endif()
  if(ZOLT_SANITIZE)
    target_compile_options(${name} PRIVATE ${zolt_sanitize_flags})
    target_link_options(${name} PRIVATE ${zolt_sanitize_flags})
  endif()
  if(arg_NATIVE AND ZOLT_NATIVE)
    target_compile_options(${name} PRIVATE -march=native)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # g++ 12 reports its own AVX-512 intrinsics, which leave a register undefined on purpose.
      target_compile_options(${name} PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
    endif()
  endif()
endfunction()
