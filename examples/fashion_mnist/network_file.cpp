#include "network_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fashion_mnist {
namespace {

constexpr std::uint64_t magic = 0x0031544E54464F5AU;  // "ZOFTNT1" in the file
constexpr std::uint64_t recipe = 1;                   // to be raised whenever training gives another network from the same origin

void append(std::string& bytes, std::uint64_t value, int count) {
  for (int byte = 0; byte < count; ++byte) bytes.push_back(static_cast<char>(value >> (8 * byte) & 0xFFU));
}

std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t value = 0xCBF29CE484222325U;  // FNV-1a
  for (const char byte : bytes) value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  return value;
}

class reader {
 public:
  reader(const std::filesystem::path& path, std::string_view bytes) : path_{path}, bytes_{bytes} {}

  std::uint64_t take(int count) {
    std::uint64_t value = 0;
    for (int byte = 0; byte < count; ++byte)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[position_++])) << (8 * byte);
    return value;
  }

  void expect(std::string_view field, std::uint64_t required) {
    const std::uint64_t value = take(8);
    if (value != required) fail(field, fmt::format("{:#x}", value), fmt::format("{:#x}", required));
  }

  template <class Tensor>
  void take_floats(std::string_view field, Tensor& tensor) {
    expect(fmt::format("{} rows", field), static_cast<std::uint64_t>(tensor.rows()));
    expect(fmt::format("{} columns", field), static_cast<std::uint64_t>(tensor.cols()));
    for (Eigen::Index index = 0; index < tensor.size(); ++index) {
      const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(take(4)));
      if (!std::isfinite(value)) fail(fmt::format("{}[{}]", field, index), fmt::format("{}", value), "finite");
      tensor.data()[index] = value;
    }
  }

  [[noreturn]] void fail(std::string_view field, std::string_view value, std::string_view bound) const {
    throw std::runtime_error(fmt::format("file '{}': {} is {}, must be {}", path_.string(), field, value, bound));
  }

 private:
  const std::filesystem::path& path_;
  std::string_view bytes_;
  std::size_t position_ = 0;
};

template <class Tensor>
void append_floats(std::string& bytes, const Tensor& tensor) {
  append(bytes, static_cast<std::uint64_t>(tensor.rows()), 8);
  append(bytes, static_cast<std::uint64_t>(tensor.cols()), 8);
  for (Eigen::Index index = 0; index < tensor.size(); ++index) append(bytes, std::bit_cast<std::uint32_t>(tensor.data()[index]), 4);
}

std::string to_bytes(const float_network& network, const network_origin& origin) {
  std::string bytes;
  for (const std::uint64_t field : {magic, recipe, origin.seed, origin.images}) append(bytes, field, 8);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    append_floats(bytes, network.weights[layer]);
    append_floats(bytes, network.biases[layer]);
  }
  append(bytes, checksum(bytes), 8);
  return bytes;
}

}  // namespace

void write_network(const std::filesystem::path& path, const float_network& network, const network_origin& origin) {
  std::error_code error;  // a folder that cannot be made shows when the file is opened
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  std::filesystem::path temporary = path;
  temporary += fmt::format(".{}.part", ::getpid());
  {
    const std::string bytes = to_bytes(network, origin);
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
      std::error_code ignored;
      std::filesystem::remove(temporary, ignored);
      throw std::runtime_error(fmt::format("file '{}': {} bytes cannot be written", temporary.string(), bytes.size()));
    }
  }
  std::filesystem::rename(temporary, path, error);
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw std::runtime_error(fmt::format("file '{}': cannot be written: {}", path.string(), error.message()));
  }
}

float_network read_network(const std::filesystem::path& path, const network_origin& origin) {
  float_network network = zero_network();
  const std::size_t required = to_bytes(network, origin).size();
  std::ifstream file(path, std::ios::binary);
  std::string bytes(required + 1, '\0');  // one more, to notice a file that is too long
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  reader from{path, bytes};
  if (bytes.size() != required) {
    from.fail("size", fmt::format("{}{} bytes", bytes.size() > required ? "above " : "", std::min(bytes.size(), required)),
              fmt::format("{}", required));
  }
  const std::string_view content = std::string_view(bytes).substr(0, required - 8);
  reader end{path, std::string_view(bytes).substr(required - 8)};
  end.expect("checksum", checksum(content));
  from.expect("magic", magic);
  from.expect("recipe", recipe);
  from.expect("seed", origin.seed);
  from.expect("fingerprint of the training images", origin.images);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    from.take_floats(fmt::format("weights[{}]", layer), network.weights[layer]);
    from.take_floats(fmt::format("biases[{}]", layer), network.biases[layer]);
  }
  return network;
}

}  // namespace fashion_mnist
