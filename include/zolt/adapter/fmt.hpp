#pragma once

#include <fmt/format.h>

#include <string>

#include "zolt/core/tensor.hpp"
#include "zolt/optimizer/optimizer.hpp"

/// A shape as "128x784".
template <>
struct fmt::formatter<zolt::shape> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const zolt::shape& s, Context& context) const {
    return fmt::formatter<std::string>::format(s.text(), context);
  }
};

/// One line for a step: what a trainer prints while it works. Events appear only if they happened.
template <>
struct fmt::formatter<zolt::report> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const zolt::report& r, Context& context) const {
    std::string text =
        fmt::format("step {} loss {:.4f} rate {:.3g} density {:.3g} moved {}", r.step, r.loss, r.rate, r.density, r.writes.moved);
    if (r.writes.clamped != 0) text += fmt::format(" clamped {}", r.writes.clamped);
    if (r.lost_queries != 0) text += fmt::format(" lost {}", r.lost_queries);
    if (r.clipped_coefficients != 0) text += fmt::format(" clipped {}", r.clipped_coefficients);
    for (const std::string& name : r.unread) text += fmt::format(" unread:{}", name);
    return fmt::formatter<std::string>::format(text, context);
  }
};
