# What tests/CMakeLists.txt is written in.
include(GoogleTest)

# zolt_adapter_available(name out): whether what adapter/<name>*.hpp needs is there. Names without a known dependency need none.
function(zolt_adapter_available name out)
  set(targets eigen=Eigen3::Eigen fmt=fmt::fmt mpi=MPI::MPI_CXX torch=torch ggml=ggml)
  set(${out} TRUE PARENT_SCOPE)
  foreach(pair IN LISTS targets)
    string(REPLACE "=" ";" pair "${pair}")
    list(GET pair 0 prefix)
    list(GET pair 1 target)
    if(name MATCHES "^${prefix}" AND NOT TARGET ${target})
      set(${out} FALSE PARENT_SCOPE)
      message(STATUS "zolt: adapter ${name} is not tested (no ${target})")
    endif()
  endforeach()
endfunction()

# zolt_remove_unavailable(list): drops the files of adapter/ folders, and those that include Eigen, whose dependency is missing.
function(zolt_remove_unavailable list)
  foreach(file IN LISTS ${list})
    set(available TRUE)
    if(file MATCHES "/adapter/([^/]+)$")
      zolt_adapter_available(${CMAKE_MATCH_1} available)
    elseif(NOT TARGET Eigen3::Eigen)
      file(STRINGS "${file}" needs_eigen REGEX "Eigen/|method/(gptq|inverse_factor)" LIMIT_COUNT 1)
      if(needs_eigen)
        set(available FALSE)
      endif()
    endif()
    if(NOT available)
      list(REMOVE_ITEM ${list} "${file}")
    endif()
  endforeach()
  set(${list} "${${list}}" PARENT_SCOPE)
endfunction()

# zolt_unite_tests(room list): puts files that can share a unit in units of ZOLT_TESTS_PER_UNIT: what they have in common, kernels above all, is
# compiled once for all of them. A file with flags of its own, or with names that are not all in namespaces, stays alone.
function(zolt_unite_tests room list)
  set(alone "")
  set(together "")
  foreach(file IN LISTS ${list})
    get_source_file_property(flags "${file}" COMPILE_OPTIONS)
    file(STRINGS "${file}" own_names REGEX "^namespace {$")
    list(LENGTH own_names own_names)
    file(STRINGS "${file}" outside REGEX "^(using namespace|#define) ")
    if(flags OR outside OR NOT own_names EQUAL 1)
      list(APPEND alone "${file}")
    else()
      list(APPEND together "${file}")
    endif()
  endforeach()
  set(units "")
  list(LENGTH together count)
  set(first 0)
  while(first LESS count)
    list(SUBLIST together ${first} ${ZOLT_TESTS_PER_UNIT} files)
    set(unit "${CMAKE_CURRENT_BINARY_DIR}/united/${room}_from_${first}.cpp")
    add_custom_command(OUTPUT "${unit}"
      COMMAND "${CMAKE_COMMAND}" "-DUNIT=${unit}" "-DROOT=${CMAKE_CURRENT_SOURCE_DIR}" "-DFILES=${files}" -P "${CMAKE_CURRENT_SOURCE_DIR}/checks/unite.cmake"
      DEPENDS ${files} "${CMAKE_CURRENT_SOURCE_DIR}/checks/unite.cmake" VERBATIM)
    list(APPEND units "${unit}")
    math(EXPR first "${first} + ${ZOLT_TESTS_PER_UNIT}")
  endwhile()
  set(${list} ${alone} ${units} PARENT_SCOPE)
endfunction()

# zolt_room_tests(room): tests/<room>/**/*_test.cpp become test_<room>; each TEST is a CTest test named <room>.<suite>.<test>,
# or, sanitized, one of <room>.0 to <room>.3 has a quarter of them.
function(zolt_room_tests room)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${room}/*_test.cpp")
  zolt_remove_unavailable(sources)
  if(NOT sources)
    return()
  endif()
  if(ZOLT_TESTS_PER_UNIT GREATER 1)
    zolt_unite_tests(${room} sources)
  endif()
  set(name test_${room})
  add_executable(${name} ${sources})
  zolt_own_target(${name})
  target_link_libraries(${name} PRIVATE zolt_test_base)
  if(ZOLT_SANITIZE AND NOT room IN_LIST zolt_rooms_of_kernels)
    target_compile_definitions(${name} PRIVATE ZOLT_ONLY_BASELINE_KERNELS)
    target_precompile_headers(${name} REUSE_FROM zolt_test_pch_of_baseline)
  else()
    target_precompile_headers(${name} REUSE_FROM zolt_test_pch)
  endif()
  if(room MATCHES "^(adapter|quantize)$" AND TARGET zolt_zolt)
    target_link_libraries(${name} PRIVATE zolt::zolt)
  endif()
  if(ZOLT_SANITIZE) # such a program takes longer to start than most tests take
    foreach(shard RANGE 3)
      add_test(NAME ${room}.${shard} COMMAND ${name})
      set_tests_properties(${room}.${shard} PROPERTIES ENVIRONMENT "GTEST_TOTAL_SHARDS=4;GTEST_SHARD_INDEX=${shard}" TIMEOUT 900)
    endforeach()
  else()
    gtest_discover_tests(${name} TEST_PREFIX "${room}." DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# zolt_compile_only_test(name sources...): passes when every source compiles by itself and all link together, which also
# finds functions that miss their `inline`. Compiled without optimization, since nothing of it is run.
function(zolt_compile_only_test name)
  set(main "${CMAKE_CURRENT_BINARY_DIR}/${name}_main.cpp")
  file(CONFIGURE OUTPUT "${main}" CONTENT "int main() {}\n")
  add_executable(${name} "${main}" ${ARGN})
  zolt_own_target(${name})
  target_compile_options(${name} PRIVATE -O0)
  target_link_libraries(${name} PRIVATE zolt::core)
  target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  if(TARGET zolt_zolt)
    target_link_libraries(${name} PRIVATE zolt::zolt)
  endif()
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# zolt_headers_alone(name): each header is a translation unit of its own (included twice, for its guard).
function(zolt_headers_alone name)
  set(include_dir "${PROJECT_SOURCE_DIR}/include")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${include_dir}/zolt/*.hpp")
  zolt_remove_unavailable(headers)
  set(units "")
  foreach(header IN LISTS headers)
    file(RELATIVE_PATH header "${include_dir}" "${header}")
    string(REPLACE ".hpp" ".cpp" unit "${CMAKE_CURRENT_BINARY_DIR}/headers/${header}")
    file(CONFIGURE OUTPUT "${unit}" CONTENT "#include <@header@>\n#include <@header@> // NOLINT: its guard\n" @ONLY)
    list(APPEND units "${unit}")
  endforeach()
  if(units)
    zolt_compile_only_test(${name} ${units})
  endif()
endfunction()

# zolt_precompile_for_must_not_compile(): the library, parsed once for all cases, by a test that they wait for.
function(zolt_precompile_for_must_not_compile)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/must_not_compile")
  file(CONFIGURE OUTPUT "${folder}/library.hpp" CONTENT "#include <zolt/zolt.hpp>\n")
  # g++ finds library.hpp.gch beside the header by itself, clang++ is told where it is.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(use "-include;${folder}/library.hpp")
  else()
    set(use "-include-pch;${folder}/library.hpp.gch")
  endif()
  set(ZOLT_MUST_NOT_COMPILE_FLAGS ${use} PARENT_SCOPE)
  add_test(NAME must_not_compile COMMAND "${CMAKE_CXX_COMPILER}" -std=c++20 "-I${PROJECT_SOURCE_DIR}/include" -x c++-header
    "${folder}/library.hpp" -o "${folder}/library.hpp.gch")
  set_tests_properties(must_not_compile PROPERTIES FIXTURES_SETUP precompiled_library)
endfunction()

# zolt_must_not_compile(file...): each compiles with -DZOLT_SHOULD_COMPILE, and without it fails with the sentence that its first line gives:
# `// expect: <sentence>`.
function(zolt_must_not_compile)
  string(REPLACE ";" "\\;" flags "${ZOLT_MUST_NOT_COMPILE_FLAGS}")
  set(arguments "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DFLAGS=${flags}" "-DINCLUDE=${PROJECT_SOURCE_DIR}/include")
  set(checks "${CMAKE_CURRENT_SOURCE_DIR}/checks")
  add_test(NAME must_not_compile.otherwise_compiles
    COMMAND "${CMAKE_COMMAND}" ${arguments} "-DFILES=${ARGN}" "-DUNIT=${CMAKE_CURRENT_BINARY_DIR}/must_not_compile/otherwise.cpp"
      -P "${checks}/otherwise_compiles.cmake")
  set(tests must_not_compile.otherwise_compiles)
  foreach(file IN LISTS ARGN)
    get_filename_component(name "${file}" NAME_WE)
    add_test(NAME must_not_compile.${name} COMMAND "${CMAKE_COMMAND}" ${arguments} "-DFILE=${file}" -P "${checks}/must_not_compile.cmake")
    list(APPEND tests must_not_compile.${name})
  endforeach()
  set_tests_properties(${tests} PROPERTIES FIXTURES_REQUIRED precompiled_library)
endfunction()

# zolt_golden_matrix(name file compiler...): one hash, whatever the compiler, its flags, the instruction set and the number of threads.
# See checks/golden_matrix.sh.
function(zolt_golden_matrix name file)
  add_test(NAME golden.${name}
    COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/checks/golden_matrix.sh" "${file}" "${CMAKE_CURRENT_SOURCE_DIR}/golden/${name}.txt"
      "${CMAKE_CURRENT_SOURCE_DIR}/golden/data" "${PROJECT_SOURCE_DIR}/include" "${CMAKE_CURRENT_BINARY_DIR}/golden/${name}" ${ARGN})
  # It compiles two variants at a time, so CTest should not run much beside it.
  set_tests_properties(golden.${name} PROPERTIES PROCESSORS 2 TIMEOUT 900)
endfunction()

# zolt_golden_aarch64(): the same hashes from another architecture, in an emulator; skipped without one. See checks/aarch64.sh.
function(zolt_golden_aarch64)
  add_test(NAME golden.aarch64
    COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/checks/aarch64.sh" "${CMAKE_CURRENT_SOURCE_DIR}/golden" "${PROJECT_SOURCE_DIR}/include"
      "${CMAKE_CURRENT_BINARY_DIR}/golden/aarch64")
  set_tests_properties(golden.aarch64 PROPERTIES PROCESSORS 2 TIMEOUT 900 SKIP_RETURN_CODE 77)
endfunction()

# zolt_package_test(mode): a consumer project in tests/package/ that takes zolt as a subproject, or as an installed package.
function(zolt_package_test mode)
  add_test(NAME package.${mode}
    COMMAND "${CMAKE_COMMAND}" -DMODE=${mode} "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DGENERATOR=${CMAKE_GENERATOR}"
      "-DSOURCE=${PROJECT_SOURCE_DIR}" "-DBINARY=${PROJECT_BINARY_DIR}" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/package/${mode}"
      -P "${CMAKE_CURRENT_SOURCE_DIR}/package/run.cmake")
endfunction()
