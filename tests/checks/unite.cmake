# cmake -DUNIT= -DROOT= -DFILES= -P unite.cmake
# Writes one file for the compiler that has the tests of several: what each of them keeps to itself gets a namespace of its own.
file(WRITE "${UNIT}" "")
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name "${ROOT}" "${file}")
  string(REGEX REPLACE "\\.cpp$" "" name "${name}")
  string(MAKE_C_IDENTIFIER "${name}" name)
  file(READ "${file}" text)
  string(REPLACE "\nnamespace {\n" "\nnamespace ${name} {\n" text "${text}")
  file(APPEND "${UNIT}" "#line 1 \"${file}\"\n${text}")
endforeach()
