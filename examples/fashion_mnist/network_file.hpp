#pragma once

#include <cstdint>
#include <filesystem>

#include "float_network.hpp"

namespace fashion_mnist {

/// What a stored network was computed from; a file of another origin is refused.
struct network_origin {
  std::uint64_t seed;
  std::uint64_t images;  // fingerprint of the training files
};

/// A stored network: magic, recipe number, origin, shapes, little-endian floats, checksum. Both throw std::runtime_error naming the file.
/// Writing goes through a temporary file beside `path`, so that an interrupted or concurrent run leaves no half-written file.
void write_network(const std::filesystem::path& path, const float_network& network, const network_origin& origin);
float_network read_network(const std::filesystem::path& path, const network_origin& origin);

}  // namespace fashion_mnist
