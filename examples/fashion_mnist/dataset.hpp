#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace fashion_mnist {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline constexpr Eigen::Index image_side = 28;
inline constexpr Eigen::Index image_pixels = image_side * image_side;
inline constexpr int classes = 10;

/// Labelled images.
///
/// Units    pixels run from 0 (background) to 1; they are not standardised, so that "outside of the picture" is exactly zero.
/// Shapes   images: examples × 784, one image per row, its own rows from top to bottom. labels: one per image, 0..9.
struct dataset {
  matrix images;
  std::vector<std::uint8_t> labels;

  Eigen::Index size() const { return images.rows(); }
};

/// The two pairs of files of the collection: 60 000 images to train with, 10 000 to test with.
enum class split { train, test };

Eigen::Index split_size(split part);

/// Half-open range of example indices in a split.
struct index_range {
  Eigen::Index first;
  Eigen::Index last;

  Eigen::Index size() const { return last - first; }
};

/// Reads the gzipped IDX files of a split from a folder; the second form keeps only the examples of a range, so that memory holds no others.
/// Throws std::runtime_error (file, field, value, bound) if a file is missing, damaged, truncated, too long or of another shape, or if a
/// label is above 9.
dataset load(const std::filesystem::path& folder, split part);
dataset load(const std::filesystem::path& folder, split part, index_range range);

/// Checksum of the compressed files of a split: tells whether something was computed from the same images.
std::uint64_t fingerprint(const std::filesystem::path& folder, split part);

/// Every image turned about its centre by bilinear interpolation, clockwise as one looks at it; what lies outside is zero.
dataset rotated(const dataset& source, double degrees);

/// The examples of `indices`, in that order. `slice_into` reuses the memory of `target`.
dataset slice(const dataset& source, std::span<const Eigen::Index> indices);
void slice_into(const dataset& source, std::span<const Eigen::Index> indices, dataset& target);

}  // namespace fashion_mnist
