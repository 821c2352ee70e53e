#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// What a method trains: float tensors, words of 16 bits, codes, or the scales of frozen codes in parts of themselves.
enum class trained { floats, words, codes, floats_and_codes, scales };

constexpr std::string_view text_of(trained t) {
  switch (t) {
    case trained::floats: return "floats";
    case trained::words: return "16-bit words";
    case trained::codes: return "codes";
    case trained::floats_and_codes: return "floats, codes";
    case trained::scales: return "scales";
  }
  return "";
}

/// Loss evaluations of one step: per_query·queries + others.
struct forward_passes {
  std::uint32_t per_query = 0, others = 0;

  constexpr std::uint32_t of(std::uint32_t queries) const { return per_query * queries + others; }
};
inline std::string text_of(const forward_passes& f) {
  if (f.per_query == 0) return std::to_string(f.others);
  return (f.per_query == 1 ? "Q" : std::to_string(f.per_query) + "Q") + (f.others == 0 ? "" : " + " + std::to_string(f.others));
}

/// A method under its name. A method with a number in its type stands here with a usual one.
///
/// Cost     none: its method is made by whoever asks for it.
/// Source   of the method: the paper by its arXiv number, or where it appeared.
template <class Method, trained Trains>
struct entry {
  using type = Method;
  static constexpr trained trains = Trains;
  static constexpr double state_bytes_per_weight = Method::state_bytes_per_weight;
  /// Whether a trajectory of keys and coefficients repeats a run bit for bit: that of a body alone does not.
  static constexpr bool replays = !composition_of_layers<composition_of<Method>> && !method_with_head<Method>;
  std::string_view name, idea, source;
  forward_passes forwards{2, 0};
};

namespace detail {
/// The policies of a composition, without those that change nothing and, where there are no codes, without how they are written.
template <class Composition>
std::string text_of_policies(const Composition& composition, bool writes_codes) {
  std::string text;
  composition.for_each([&]<class Policy>(const Policy& policy) {
    if (std::same_as<Policy, constant> || std::same_as<Policy, batches_per_write> || policy_name<Policy>() == no_clip::name ||
        std::same_as<Policy, no_gradient_normalisation>)
      return;
    if (write_back<Policy> && !writes_codes) return;
    std::string fields;
    if constexpr (policy_with_fields<Policy>)
      policy.fields([&fields](std::string_view field, double value, bound) {
        fields += (fields.empty() ? "" : ", ") + std::string(field) + " " + to_text(static_cast<float>(value));
      });
    text += (text.empty() ? "" : " + ") + std::string(policy_name<Policy>()) + (fields.empty() ? "" : "(" + fields + ")");
  });
  return text;
}
}  // namespace detail

/// What a method is made of, with its defaults: "two_point(radius 0.001, queries 1) + sgd(rate 1e-06) + gaussian".
template <class Method, trained Trains>
std::string composition_text(const entry<Method, Trains>&) {
  constexpr bool writes_codes = Trains != trained::floats;
  const Method method{};
  std::string text = detail::text_of_policies(compose(method), writes_codes);
  if constexpr (method_with_head<Method>) text += "; head: " + detail::text_of_policies(compose(method.head()), writes_codes);
  return text;
}

}  // namespace zolt::inline v0::method
