#include "dataset.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <stdexcept>

namespace fashion_mnist {
namespace {

constexpr std::uint32_t magic_of_images = 0x00000803;  // unsigned bytes, three dimensions
constexpr std::uint32_t magic_of_labels = 0x00000801;  // unsigned bytes, one dimension

/// Sequential reader of one gzipped IDX file; every complaint names the file.
class idx_file {
 public:
  explicit idx_file(std::filesystem::path path) : path_{std::move(path)}, handle_{gzopen(path_.c_str(), "rb")} {
    if (!handle_) fail("cannot be opened; is the Debian package dataset-fashion-mnist installed, or does the folder need another name?");
    gzbuffer(handle_.get(), 1U << 17U);
  }

  void read(std::span<std::uint8_t> target, std::string_view field) {
    const int got = gzread(handle_.get(), target.data(), static_cast<unsigned>(target.size()));
    if (got < 0) fail(fmt::format("field {} cannot be read: {}", field, reason()));
    if (static_cast<std::size_t>(got) < target.size())
      fail(fmt::format("field {} is truncated: {} bytes are left, must be {}", field, got, target.size()));
  }

  void expect(std::string_view field, std::uint32_t required) {
    std::array<std::uint8_t, 4> bytes{};
    read(bytes, field);
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8U | byte;
    if (value != required) fail(fmt::format("field {} is {}, must be {}", field, value, required));
  }

  /// Reading past the last byte also makes zlib compare the checksum of the whole file.
  void expect_end() {
    std::uint8_t extra = 0;
    const int got = gzread(handle_.get(), &extra, 1);
    if (got < 0) fail(fmt::format("the end cannot be read: {}", reason()));
    if (got > 0) fail("holds more bytes than its header announces, must end after the last example");
    int code = Z_OK;
    gzerror(handle_.get(), &code);
    if (code == Z_BUF_ERROR) fail("the compressed stream is truncated, must end with its checksum");
  }

  [[noreturn]] void fail(std::string_view complaint) const {
    throw std::runtime_error(fmt::format("file '{}': {}", path_.string(), complaint));
  }

 private:
  std::string reason() const {
    int code = Z_OK;
    return gzerror(handle_.get(), &code);
  }

  struct closer {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, closer> handle_;
};

std::filesystem::path images_path(const std::filesystem::path& folder, split part) {
  return folder / (part == split::train ? "train-images-idx3-ubyte.gz" : "t10k-images-idx3-ubyte.gz");
}

std::filesystem::path labels_path(const std::filesystem::path& folder, split part) {
  return folder / (part == split::train ? "train-labels-idx1-ubyte.gz" : "t10k-labels-idx1-ubyte.gz");
}

std::vector<std::uint8_t> load_labels(const std::filesystem::path& path, Eigen::Index count, index_range range) {
  idx_file file{path};
  file.expect("magic", magic_of_labels);
  file.expect("count", static_cast<std::uint32_t>(count));
  std::vector<std::uint8_t> labels(static_cast<std::size_t>(count));
  file.read(labels, "labels");
  file.expect_end();
  const auto wrong = std::find_if(labels.begin(), labels.end(), [](std::uint8_t label) { return label >= classes; });
  if (wrong != labels.end()) file.fail(fmt::format("label {} is {}, must be 0 to {}", wrong - labels.begin(), *wrong, classes - 1));
  return {labels.begin() + range.first, labels.begin() + range.last};
}

matrix load_images(const std::filesystem::path& path, Eigen::Index count, index_range range) {
  idx_file file{path};
  file.expect("magic", magic_of_images);
  file.expect("count", static_cast<std::uint32_t>(count));
  file.expect("rows", image_side);
  file.expect("columns", image_side);
  matrix images(range.size(), image_pixels);
  std::array<std::uint8_t, image_pixels> pixels{};
  const Eigen::Map<const Eigen::Matrix<std::uint8_t, 1, image_pixels>> row(pixels.data());
  for (Eigen::Index example = 0; example < count; ++example) {
    file.read(pixels, "pixels");
    if (example >= range.first && example < range.last) images.row(example - range.first) = row.cast<float>() / 255.0F;
  }
  file.expect_end();
  return images;
}

/// Where a turned pixel comes from: four neighbours and their bilinear weights. Neighbours outside of the picture have weight zero.
struct source_pixels {
  std::array<Eigen::Index, 4> index{};
  std::array<float, 4> weight{};
};

std::vector<source_pixels> rotation_table(double degrees) {
  const double angle = degrees * std::numbers::pi / 180.0;
  const double cosine = std::cos(angle);
  const double sine = std::sin(angle);
  const double centre = static_cast<double>(image_side - 1) / 2.0;
  std::vector<source_pixels> table(static_cast<std::size_t>(image_pixels));
  for (Eigen::Index pixel = 0; pixel < image_pixels; ++pixel) {
    const Eigen::Index pixel_row = pixel / image_side;
    const Eigen::Index pixel_column = pixel % image_side;
    const double right = static_cast<double>(pixel_column) - centre;
    const double down = static_cast<double>(pixel_row) - centre;
    const double column = cosine * right + sine * down + centre;
    const double row = cosine * down - sine * right + centre;
    const double left_column = std::floor(column);
    const double upper_row = std::floor(row);
    for (std::size_t corner = 0; corner < 4; ++corner) {
      const double corner_column = left_column + (corner % 2 == 0 ? 0.0 : 1.0);
      const double corner_row = upper_row + (corner < 2 ? 0.0 : 1.0);
      const bool inside = corner_column >= 0.0 && corner_row >= 0.0 && corner_column < static_cast<double>(image_side) &&
                          corner_row < static_cast<double>(image_side);
      if (!inside) continue;
      source_pixels& from = table[static_cast<std::size_t>(pixel)];
      from.index[corner] = static_cast<Eigen::Index>(corner_row) * image_side + static_cast<Eigen::Index>(corner_column);
      from.weight[corner] = static_cast<float>((1.0 - std::abs(column - corner_column)) * (1.0 - std::abs(row - corner_row)));
    }
  }
  return table;
}

}  // namespace

Eigen::Index split_size(split part) { return part == split::train ? 60000 : 10000; }

dataset load(const std::filesystem::path& folder, split part) { return load(folder, part, {0, split_size(part)}); }

dataset load(const std::filesystem::path& folder, split part, index_range range) {
  const Eigen::Index count = split_size(part);
  if (range.first < 0 || range.first >= range.last || range.last > count) {
    throw std::runtime_error(fmt::format("folder '{}': the range of examples is [{}, {}), must be non-empty and within [0, {})",
                                         folder.string(), range.first, range.last, count));
  }
  dataset result;
  result.labels = load_labels(labels_path(folder, part), count, range);
  result.images = load_images(images_path(folder, part), count, range);
  return result;
}

std::uint64_t fingerprint(const std::filesystem::path& folder, split part) {
  const auto checksum = [](const std::filesystem::path& path) {
    struct closer {
      void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::unique_ptr<std::FILE, closer> file{std::fopen(path.c_str(), "rb")};
    if (!file) throw std::runtime_error(fmt::format("file '{}': cannot be opened", path.string()));
    std::vector<unsigned char> block(1U << 18U);
    uLong value = crc32(0L, Z_NULL, 0);
    while (const std::size_t got = std::fread(block.data(), 1, block.size(), file.get()))
      value = crc32(value, block.data(), static_cast<uInt>(got));
    return static_cast<std::uint64_t>(value);
  };
  return checksum(images_path(folder, part)) << 32U | checksum(labels_path(folder, part));
}

dataset rotated(const dataset& source, double degrees) {
  if (!std::isfinite(degrees)) throw std::runtime_error(fmt::format("rotated: degrees is {}, must be finite", degrees));
  const std::vector<source_pixels> table = rotation_table(degrees);
  dataset result;
  result.labels = source.labels;
  result.images.resize(source.images.rows(), image_pixels);
  for (Eigen::Index example = 0; example < source.size(); ++example) {
    const float* from = source.images.row(example).data();
    float* to = result.images.row(example).data();
    for (const source_pixels& pixel : table) {
      float value = 0.0F;
      for (std::size_t corner = 0; corner < 4; ++corner) value += pixel.weight[corner] * from[pixel.index[corner]];
      *to++ = value;
    }
  }
  return result;
}

dataset slice(const dataset& source, std::span<const Eigen::Index> indices) {
  dataset result;
  slice_into(source, indices, result);
  return result;
}

void slice_into(const dataset& source, std::span<const Eigen::Index> indices, dataset& target) {
  target.images.resize(static_cast<Eigen::Index>(indices.size()), source.images.cols());
  target.labels.resize(indices.size());
  for (std::size_t position = 0; position < indices.size(); ++position) {
    const Eigen::Index index = indices[position];
    if (index < 0 || index >= source.size())
      throw std::runtime_error(fmt::format("slice: index {} is {}, must be within [0, {})", position, index, source.size()));
    target.images.row(static_cast<Eigen::Index>(position)) = source.images.row(index);
    target.labels[position] = source.labels[static_cast<std::size_t>(index)];
  }
}

}  // namespace fashion_mnist
