#include <Eigen/Core>

#include "peers.hpp"

namespace ratio::peer {
namespace {

using floats = Eigen::Map<Eigen::ArrayXf>;
using group = Eigen::Array<float, eigen_group, 1>;
using code_group = Eigen::Array<std::int8_t, eigen_group, 1>;

template <class Expression>
void encode_groups(std::span<const float> w, std::span<std::int8_t> codes, std::span<float> scales, Expression&& expression) {
  for (std::size_t g = 0; g < scales.size(); ++g) {
    const Eigen::Map<const group> weights(w.data() + g * eigen_group);
    scales[g] = weights.abs().maxCoeff() / 127;
    Eigen::Map<code_group>(codes.data() + g * eigen_group) = expression(weights * (1 / scales[g]), g).template cast<std::int8_t>();
  }
}

}  // namespace

void eigen_add_random(std::span<float> w, float c) {
  floats weights(w.data(), static_cast<Eigen::Index>(w.size()));
  weights += c * Eigen::ArrayXf::Random(weights.size());
}

void eigen_round(std::span<const float> w, std::span<std::int8_t> codes, std::span<float> scales) {
  encode_groups(w, codes, scales, [](const auto& scaled, std::size_t) { return scaled.round(); });
}

void eigen_round_stochastically(std::span<const float> w, std::span<const float> uniform, std::span<std::int8_t> codes,
                                std::span<float> scales) {
  encode_groups(w, codes, scales, [&](const auto& scaled, std::size_t g) {
    return (scaled + Eigen::Map<const group>(uniform.data() + g * eigen_group)).floor();
  });
}

void eigen_decode(std::span<const std::int8_t> codes, std::span<const float> scales, std::span<float> w) {
  for (std::size_t g = 0; g < scales.size(); ++g)
    Eigen::Map<group>(w.data() + g * eigen_group) = Eigen::Map<const code_group>(codes.data() + g * eigen_group).cast<float>() * scales[g];
}

}  // namespace ratio::peer
