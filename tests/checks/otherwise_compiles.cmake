# cmake -DCOMPILER= -DFLAGS= -DFILES= -DINCLUDE= -DUNIT= -P otherwise_compiles.cmake
# With ZOLT_SHOULD_COMPILE every case must compile, so that it fails for its reason alone: all of them as one file, a namespace each.
set(includes "")
set(cases "")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  string(REGEX MATCHALL "#include [^\n]*\n" included "${text}")
  string(CONCAT includes "${includes}" ${included})
  string(REGEX REPLACE "#include [^\n]*\n" "\n" text "${text}") # lines stay where they are
  string(APPEND cases "namespace ${name} {\n#line 1 \"${file}\"\n${text}\n}\n")
endforeach()
file(WRITE "${UNIT}" "${includes}${cases}")
execute_process(COMMAND "${COMPILER}" -std=c++20 ${FLAGS} -fsyntax-only "-I${INCLUDE}" -DZOLT_SHOULD_COMPILE "${UNIT}"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "With ZOLT_SHOULD_COMPILE these must compile:\n${output}")
endif()
