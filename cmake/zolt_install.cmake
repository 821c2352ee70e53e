# cmake --install: the headers, the targets and the package files.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(zolt_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/zolt")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION include PATTERN "*.md" EXCLUDE)

# Two export sets, so that zolt::core stays usable on a machine without Eigen and fmt.
install(TARGETS zolt_core EXPORT zolt_core_targets)
install(EXPORT zolt_core_targets FILE zoltCoreTargets.cmake NAMESPACE zolt:: DESTINATION "${zolt_package_dir}")
if(TARGET zolt_zolt)
  install(TARGETS zolt_zolt EXPORT zolt_zolt_targets)
  install(EXPORT zolt_zolt_targets FILE zoltAdapterTargets.cmake NAMESPACE zolt:: DESTINATION "${zolt_package_dir}")
endif()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/zoltConfig.cmake.in" "${PROJECT_BINARY_DIR}/zoltConfig.cmake"
  INSTALL_DESTINATION "${zolt_package_dir}")
# Before 1.0 a minor version may break; headers alone fit every architecture.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/zoltConfigVersion.cmake" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/zoltConfig.cmake" "${PROJECT_BINARY_DIR}/zoltConfigVersion.cmake" DESTINATION "${zolt_package_dir}")
