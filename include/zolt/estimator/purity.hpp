#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// How much of a forward pass an estimator reads. "Forward only" is a promise; this says how far it goes.
///
///   p0   one loss per probe: nothing of the network. Its steps replay from keys and scalars.
///   p1   also the outputs (logits) and the input of the last layer, or one loss per example.
///   p2   also inputs and outputs of trained layers and slopes of activations; forwards that start in the middle. No transposed weight
///        product in the body, no graph, no stored backward state.
///   p3   also a backward inside one block, none from block to block.
///
/// Only the head's own weights are ever multiplied transposed below p3, to turn an error of outputs into one of the last hidden state.
enum class purity_class : std::uint8_t { p0, p1, p2, p3 };

constexpr std::string_view text_of(purity_class c) {
  constexpr std::string_view texts[] = {"P0: loss scalars", "P1: outputs and the input of the last layer",
                                        "P2: inputs and outputs of layers", "P3: a backward inside blocks"};
  return texts[static_cast<std::size_t>(c)];
}

/// The purity class of an estimator: its `purity`, or p0 for one that does not say and is given nothing but losses.
template <class E>
constexpr purity_class purity_of_estimator() {
  if constexpr (requires {
                  { E::purity } -> std::convertible_to<purity_class>;
                })
    return E::purity;
  else
    return purity_class::p0;
}

}  // namespace zolt::inline v0
