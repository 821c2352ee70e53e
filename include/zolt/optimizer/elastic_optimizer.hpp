#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/estimator/purity.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace zolt::inline v0 {

/// What both parts of a step did.
struct elastic_report {
  report body, head;

  /// Forward passes of both.
  double forwards() const { return body.forwards + head.forwards; }
};

/// Trains the body of a network by perturbation and its last layers by gradients that a forward pass gives away, both from the same
/// weights.
///
///   body θ:  losses of L(θ + offset·ε z, φ) → what policies() make of them
///   head φ:  a clean forward of (θ, φ), watched → error of the outputs → what head() makes of it
///
/// A step moves neither before both have seen what they need. The first arguments are the parameters of the body and those of the head,
/// then the method, then what both optimizers take: options, a schedule.
///
/// The forward is one that a layer optimizer takes: it calls `linear(probes, w, x, y)` for the layers of the head, and returns the outputs
/// of the network, those of one probe or of all that it is shown; which, the first step finds out. The loss of a probe is the mean over the
/// batch of the criterion, or of another loss, of which only loss(example, outputs) is asked: an integer one, for instance.
///
/// Units    as the policies say.
/// Cost     the probes of the body and the forwards of the head's estimator: 2·queries + 1 for two_point and exact_head; in the first step up
///          to three more, to learn the layers and what the forward takes. Memory of both optimizers, and 8 bytes per probe. The body
///          replays from its trajectory, body().recorded(); the head resumes from its code-delta log, head().code_log().
/// Errors   those of both optimizers; a tensor of the body that shares memory or its id with one of the head. A forward or a loss that throws
///          leaves all weights as they were.
/// Source   ElasticZO (Sugiura & Matsutani 2025, arXiv 2501.04287).
template <parameter_set Body, parameter_set Head, method_with_head Method, class... Shared>
class elastic_optimizer {
 public:
  using body_type = optimizer<Body, composition_of<Method, Shared...>, executor_of<Shared...>>;
  using head_type = optimizer<Head, composition_of<decltype(std::declval<const Method&>().head()), Shared...>, executor_of<Shared...>>;
  static constexpr purity_class purity = std::max(body_type::purity, head_type::purity);
  static_assert(!sign_factored_law<typename body_type::law>, "zolt: the body needs losses of the whole batch, not one per example");

  elastic_optimizer(const Body& body, const Head& head, const Method& method, const Shared&... shared)
      : body_(body, method.policies(), shared...), head_(head, method.head(), shared...) {
    require_apart();
  }

  /// One batch.
  template <class Forward, class Criterion>
  elastic_report step(Forward&& forward, const Criterion& criterion) {
    return step(forward, criterion, criterion);
  }
  /// The same with another loss for the probes of the body.
  template <class Forward, class Criterion, class Loss>
  elastic_report step(Forward&& forward, const Criterion& criterion, const Loss& loss) {
    classes_ = head_.outputs_of(forward);
    clean_size_ = 0;
    const auto sized = [&](const probe_view& view) -> decltype(auto) {
      decltype(auto) outputs = forward(view);
      if (clean_size_ == 0) clean_size_ = detail::floats_of_outputs(outputs).size();  // the clean forward is the first one
      return outputs;
    };
    elastic_report r;
    r.head =
        head_.step(sized, criterion, [&] { r.body = body_.step([&](const probe_view& plan) { return losses_of(plan, forward, loss); }); });
    return r;
  }

  body_type& body() { return body_; }
  const body_type& body() const { return body_; }
  head_type& head() { return head_; }
  const head_type& head() const { return head_; }
  std::uint32_t step_number() const { return head_.step_number(); }
  /// Bytes that the policies of both keep beside the weights.
  std::size_t state_bytes() const { return body_.state_bytes() + head_.state_bytes(); }

 private:
  /// Each part has weights and random words of its own.
  void require_apart() const {
    const auto& body = body_.parameters();
    const auto ranges = detail::memory_ranges(body);
    for_each_parameter(head_.parameters(), [&](std::size_t, const auto& h) {
      const auto bytes = memory_of(h.storage);
      for (const detail::memory_range& r : ranges)
        if (bytes.data() < r.end && r.begin < bytes.data() + bytes.size())
          fail(h.name, "memory", "shared", "not overlap that of " + detail::name_of(body, r.parameter) + ", which the body trains");
      for_each_parameter(body, [&](std::size_t, const auto& b) {
        if (b.id == h.id) fail(h.name, "id", h.id, "differ from that of " + std::string(b.name) + ", which the body trains");
      });
    });
  }
  /// One loss per probe, from one forward of the whole plan if it takes that, or from one each.
  template <class Forward, class Loss>
  std::span<const double> losses_of(const probe_view& plan, Forward& forward, const Loss& loss) {
    losses_.resize(plan.count());
    if (takes_plans_ && all_at_once(plan, forward, loss)) return losses_;
    takes_plans_ = false;
    for (std::size_t k = 0; k < plan.count(); ++k) {
      const auto& outputs = forward(plan.one(k));
      const std::span<const float> floats = detail::floats_of_outputs(outputs);
      if (floats.size() != clean_size_)
        fail("forward", "numbers returned for a probe", floats.size(), "be " + to_text(clean_size_) + ", as for the clean forward");
      losses_[k] = mean_loss(floats, loss);
    }
    return losses_;
  }
  template <class Forward, class Loss>
  bool all_at_once(const probe_view& plan, Forward& forward, const Loss& loss) {
    try {
      const auto& outputs = forward(plan);
      const std::span<const float> floats = detail::floats_of_outputs(outputs);
      if (floats.size() != plan.count() * clean_size_) return false;
      for (std::size_t k = 0; k < plan.count(); ++k) losses_[k] = mean_loss(floats.subspan(k * clean_size_, clean_size_), loss);
      return knows_plans_ = true;
    } catch (const error&) {  // linear refuses rows that the probes do not divide
      if (knows_plans_) throw;
      return false;
    }
  }
  template <class Loss>
  double mean_loss(std::span<const float> outputs, const Loss& loss) const {
    const std::size_t examples = outputs.size() / classes_;
    double sum = 0;
    for (std::size_t b = 0; b < examples; ++b) sum += static_cast<double>(loss.loss(b, outputs.subspan(b * classes_, classes_)));
    return sum / static_cast<double>(examples);
  }

  body_type body_;
  head_type head_;
  std::size_t classes_ = 0, clean_size_ = 0;
  bool takes_plans_ = true, knows_plans_ = false;
  std::vector<double> losses_;
};

}  // namespace zolt::inline v0
