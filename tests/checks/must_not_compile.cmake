# cmake -DCOMPILER= -DFLAGS= -DFILE= -DINCLUDE= -P must_not_compile.cmake
# The compiler must say the expected sentence. See otherwise_compiles.cmake for the other half.
file(STRINGS "${FILE}" first LIMIT_COUNT 1 ENCODING UTF-8)
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${FILE}:1: the first line must read `// expect: <sentence the compiler prints>`")
endif()
set(expected "${CMAKE_MATCH_1}")

set(ENV{LC_ALL} C) # the compilers' own English, plain quotes
set(command "${COMPILER}" -std=c++20 ${FLAGS} -fsyntax-only "-I${INCLUDE}")

execute_process(COMMAND ${command} "${FILE}" RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "This compiles, and must not.\nexpected: ${expected}")
endif()
string(FIND "${output}" "${expected}" position)
if(position EQUAL -1)
  message(FATAL_ERROR "It does not compile, but for another reason.\nexpected: ${expected}\nthe compiler said:\n${output}")
endif()
