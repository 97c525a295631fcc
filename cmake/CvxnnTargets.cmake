# SPDX-License-Identifier: Apache-2.0
# The few helpers by which every room declares its library, its executable and its tests, so that warnings, sanitizers
# and precompiled headers are said once.
find_program(CVXNN_CCACHE ccache)
if(CVXNN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without this sloppiness ccache would miss every file that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CVXNN_CCACHE})
endif()

if(CVXNN_SANITIZE STREQUAL "thread")
  add_library(cvxnn_tsan OBJECT ${PROJECT_SOURCE_DIR}/cmake/tsan/abseil_mutex.cc)
  target_compile_options(cvxnn_tsan PRIVATE -fsanitize=thread)
  target_link_libraries(cvxnn_tsan PUBLIC absl::synchronization)
  include_directories(BEFORE ${PROJECT_SOURCE_DIR}/cmake/tsan)
endif()

function(cvxnn_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                           -Wcast-align -Wunused -fno-strict-aliasing)
  # gRPC and spdlog ask for -pthread; a precompiled header is refused where only some of its users have it.
  target_compile_options(${target} PRIVATE -pthread)
  target_link_options(${target} PRIVATE -pthread)
  if(CVXNN_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CVXNN_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${CVXNN_SANITIZE} -fno-omit-frame-pointer)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # With a sanitizer g++ 12 loses sight of what was initialised: it warns of moves of a std::variant.
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    target_link_options(${target} PRIVATE -fsanitize=${CVXNN_SANITIZE})
    if(CVXNN_SANITIZE MATCHES "undefined")
      # Undefined behaviour must end the test in which it occurs.
      target_compile_options(${target} PRIVATE -fno-sanitize-recover=undefined)
    endif()
  endif()
  if(CVXNN_FUZZ)
    # What a fuzz target finds must end it.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link -fno-sanitize-recover=all)
  endif()
endfunction()

# Compiles so many sources of a target as one, those that follow stay apart; an empty number leaves all alone.
function(cvxnn_compile_together target number)
  if(number AND CVXNN_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${number})
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# cvxnn_library(NAME [TORCH] SOURCES a.cc ... [LINKS lib ...] [PRECOMPILE header ...] [TOGETHER n [APART a.cc ...]])
# TORCH: the sources use tensors; they share one precompiled header (core/torch).
# PRECOMPILE: slow headers that most of these sources need, precompiled for this target.
# TOGETHER n: small sources under slow headers: n of them are compiled as one, except those that stand APART.
function(cvxnn_library name)
  cmake_parse_arguments(ARG "TORCH" "TOGETHER" "SOURCES;LINKS;PRECOMPILE;APART" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_LINKS})
  if(ARG_TORCH)
    target_link_libraries(${name} PUBLIC cvxnn_torch)
    target_precompile_headers(${name} REUSE_FROM cvxnn_torch)
  elseif(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
  endif()
  cvxnn_compile_together(${name} "${ARG_TOGETHER}" ${ARG_APART})
  cvxnn_compile_options(${name})
endfunction()

# cvxnn_executable(NAME [TORCH] SOURCES a.cc ... [LINKS lib ...] [TOGETHER n [APART a.cc ...]])
function(cvxnn_executable name)
  cmake_parse_arguments(ARG "TORCH" "TOGETHER" "SOURCES;LINKS;APART" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  if(TARGET cvxnn_tsan)
    target_link_libraries(${name} PRIVATE cvxnn_tsan)
  endif()
  if(ARG_TORCH)
    target_link_libraries(${name} PRIVATE cvxnn_torch)
    target_precompile_headers(${name} REUSE_FROM cvxnn_torch)
    # The precompiled header is that of a library: compile with -fPIC, where CMake would give an executable -fPIE.
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
  endif()
  cvxnn_compile_together(${name} "${ARG_TOGETHER}" ${ARG_APART})
  cvxnn_compile_options(${name})
endfunction()

# cvxnn_test(NAME [TORCH] SOURCES a_test.cc ... [LINKS lib ...] [TOGETHER n [APART a_test.cc ...]])
# One binary a room; each TEST becomes a ctest case. Tests run side by side, so idle OpenMP threads must not spin.
# CVXNN_TESTDATA and CVXNN_SHARED tell tests where inputs lie.
function(cvxnn_test name)
  cmake_parse_arguments(ARG "TORCH" "TOGETHER" "SOURCES;LINKS;APART" ${ARGN})
  set(torch)
  if(ARG_TORCH)
    set(torch TORCH)
  endif()
  cvxnn_executable(${name} ${torch} SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS} GTest::gmock GTest::gtest_main
                   TOGETHER ${ARG_TOGETHER} APART ${ARG_APART})
  # Tests run for moments and compile for minutes.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(${name} PRIVATE CVXNN_TESTDATA="${PROJECT_SOURCE_DIR}/tests/testdata"
                                             CVXNN_SHARED="${PROJECT_SOURCE_DIR}/../shared"
                                             CVXNN_BINARY_DIR="${PROJECT_BINARY_DIR}/bin")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
                       PROPERTIES TIMEOUT 600 ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()
