#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "forward.hpp"
#include "zolt/linear/feature_cache.hpp"

namespace fashion_mnist {

/// The losses of batch_losses, with one forward of frozen layers per example: what they make of it is kept for later steps.
class cached_losses {
 public:
  /// `caches` = false computes frozen layers in every step, for all probes at once.
  cached_losses(Eigen::Index examples, int bits, bool caches = true)
      : examples_{static_cast<std::size_t>(examples)}, bits_{bits}, caches_{caches} {}

  /// `examples` says which ones of all the batch holds.
  template <class Weights>
  const std::vector<double>& operator()(const network<Weights>& net, const zolt::probe_view& probes, const dataset& batch,
                                        std::span<const Eigen::Index> examples) {
    std::size_t frozen = 0;
    while (frozen + 1 < layers && !probes.moves(net.weights[frozen]) && !probes.moves(net.biases[frozen])) ++frozen;
    if (frozen == 0) cache_.clear();
    const auto rows = static_cast<std::size_t>(batch.size());
    passes_ = static_cast<double>(probes.count()) * (1 - share_of(net, frozen));
    const zolt::tensor_view<const float> x = frozen == 0 ? view_of(batch.images) : features(net, batch, examples, frozen);
    const zolt::tensor_view<float> y = outputs_of_layers(net, probes, frozen, layers, x, rows * probes.count(), memory_);
    const Eigen::Map<matrix> outputs(y.data(), static_cast<Eigen::Index>(y.rows()), classes);
    losses_.clear();
    for (std::size_t k = 0; k < probes.count(); ++k)
      losses_.push_back(mean_cross_entropy(outputs.middleRows(static_cast<Eigen::Index>(k) * batch.size(), batch.size()), batch.labels));
    return losses_;
  }

  /// Forward passes of the last call, by their products.
  double passes() const { return passes_; }
  /// Memory of what is kept.
  std::size_t bytes() const { return cache_.bytes(); }

 private:
  /// The part of a forward's products in its first layers.
  template <class Weights>
  static double share_of(const network<Weights>& net, std::size_t first) {
    double all = 0, of_first = 0;
    for (std::size_t layer = 0; layer < layers; ++layer) {
      const auto products = static_cast<double>(net.weights[layer].shape().size());
      all += products;
      if (layer < first) of_first += products;
    }
    return of_first / all;
  }

  template <class Weights>
  zolt::tensor_view<const float> features(const network<Weights>& net, const dataset& batch, std::span<const Eigen::Index> examples,
                                          std::size_t frozen) {
    const std::size_t count = net.biases[frozen - 1].size();
    if (!caches_) {
      passes_ += share_of(net, frozen);
      return outputs_of_layers(net, {}, 0, frozen, view_of(batch.images), examples.size(), memory_);
    }
    cache_.hold({.examples = examples_, .features = count, .bits = bits_, .boundary = frozen});
    missing_.clear();
    for (std::size_t i = 0; i < examples.size(); ++i)
      if (!cache_.contains(static_cast<std::size_t>(examples[i]))) missing_.push_back(static_cast<Eigen::Index>(i));
    features_.resize(examples.size() * count);
    const zolt::tensor_view<float> all(features_.data(), {examples.size(), count});
    if (!missing_.empty()) {
      passes_ += share_of(net, frozen) * static_cast<double>(missing_.size()) / static_cast<double>(examples.size());
      images_ = batch.images(missing_, Eigen::all);
      const zolt::tensor_view<float> made = outputs_of_layers(net, {}, 0, frozen, view_of(images_), missing_.size(), memory_);
      for (std::size_t m = 0; m < missing_.size(); ++m) {
        const auto i = static_cast<std::size_t>(missing_[m]);
        cache_.store(static_cast<std::size_t>(examples[i]), made.row(m));
        std::copy_n(made.row(m).data(), count, all.row(i).data());  // where it cannot be kept
      }
    }
    for (std::size_t i = 0; i < examples.size(); ++i)
      if (const auto e = static_cast<std::size_t>(examples[i]); cache_.contains(e)) cache_.read(e, all.row(i));
    return all;
  }

  std::size_t examples_;
  int bits_;
  bool caches_;
  zolt::feature_cache cache_;
  activations memory_;
  std::vector<Eigen::Index> missing_;
  matrix images_;
  std::vector<float> features_;
  std::vector<double> losses_;
  double passes_ = 0;
};

}  // namespace fashion_mnist
