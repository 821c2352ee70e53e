#pragma once

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "training.hpp"
#include "transformer.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/criterion.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/identity_broadcast.hpp"
#include "zolt/linear/attention_prefix.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/quantize/quantizer.hpp"

/// A run of any recipe for one kind of weights: what int4.cpp and int8.cpp fill in.
namespace language_model {

template <class Weights>
struct quantized_by;
template <class Format, class Granularity>
struct quantized_by<zolt::quantized_tensor<Format, Granularity>> {
  static auto of(const std::string& name, const zolt::tensor<float>& w) { return zolt::quantize<Format, Granularity>(name, w); }
};

/// The float model with weights of codes; the gains stay floats.
template <class Weights>
void quantize_into(transformer<Weights>& to, const quantize_report::language_model& from) {
  using model = quantize_report::language_model;
  const auto copy = [](std::vector<float>& gain, std::span<const float> values) { gain.assign(values.begin(), values.end()); };
  to.embedding = quantized_by<Weights>::of("embedding", from.embedding());
  copy(to.final_gain, from.final_norm());
  to.blocks.resize(from.layers());
  for (std::size_t l = 0; l < from.layers(); ++l) {
    block<Weights>& b = to.blocks[l];
    b.attention = {from.heads(), from.key_heads(), from.width() / from.heads(), positions};
    copy(b.attention_gain, from.attention_norm(l));
    copy(b.feed_forward_gain, from.feed_forward_norm(l));
    const auto matrix = [&](Weights& w, model::matrix_of_layer which) {
      w = quantized_by<Weights>::of("block " + std::to_string(l), from.matrix(l, which));
    };
    matrix(b.query, model::query);
    matrix(b.key, model::key);
    matrix(b.value, model::value);
    matrix(b.output, model::output);
    matrix(b.gate, model::gate);
    matrix(b.up, model::up);
    matrix(b.down, model::down);
  }
}

template <class Weights>
using trained_weights = zolt::parameter_list<zolt::storage_t<Weights>, zolt::dense_view>;

/// What a recipe trains. A gain moves by the code step of the weights that read it.
template <class Weights>
trained_weights<Weights> trained_by(const recipe& r, transformer<Weights>& net) {
  trained_weights<Weights> all;
  const auto gain = [&all](std::string name, std::vector<float>& values, const Weights& reader) {
    all.add(std::move(name), values, {.unit = zolt::unit_of(reader)});
  };
  all.add("embedding", net.embedding);
  if (r.from == credit::head) return all;
  gain("final gain", net.final_gain, net.embedding);
  for (std::size_t l = net.blocks.size() - r.blocks; l < net.blocks.size(); ++l) {
    block<Weights>& b = net.blocks[l];
    const std::string name = "block " + std::to_string(l);
    all.add(name + " output", b.output);
    all.add(name + " down", b.down);
    if (r.from == credit::broadcast) continue;
    all.add(name + " query", b.query);
    all.add(name + " key", b.key);
    all.add(name + " value", b.value);
    all.add(name + " gate", b.gate);
    all.add(name + " up", b.up);
    gain(name + " attention gain", b.attention_gain, b.query);
    gain(name + " feed-forward gain", b.feed_forward_gain, b.gate);
  }
  return all;
}

/// Mean over all tokens of some texts, in nats.
template <class Weights>
double mean_loss(transformer<Weights>& net, std::span<const std::vector<int>> texts) {
  constexpr std::size_t sequences = 8;
  double sum = 0;
  std::size_t rows = 0;
  for (std::size_t first = 0; first < texts.size(); first += sequences) {
    const batch b = batch_of(texts.subspan(first, std::min(sequences, texts.size() - first)));
    const zolt::tensor<float>& logits = net.logits({}, b.tokens, {});
    const zolt::softmax_cross_entropy loss{b.next};
    for (std::size_t row = 0; row < logits.rows(); ++row) sum += loss.loss(row, logits.view().row(row));
    rows += logits.rows();
  }
  return sum / static_cast<double>(rows);
}

/// Weights of all matrices.
template <class Weights>
std::size_t size_of(const transformer<Weights>& net) {
  std::size_t all = net.embedding.size();
  for (const block<Weights>& b : net.blocks)
    for (const Weights* w : {&b.query, &b.key, &b.value, &b.output, &b.gate, &b.up, &b.down}) all += w->size();
  return all;
}

template <class Weights, class Estimator, class WriteBack>
outcome train_with(const recipe& r, const assignment& a, const Estimator& estimator, const WriteBack& write_back) {
  using clock = std::chrono::steady_clock;
  transformer<Weights> net;
  quantize_into(net, a.model);
  const auto test = std::span(a.texts.test).first(std::min(a.judged, a.texts.test.size()));
  outcome result;
  result.loss_before = mean_loss(net, test);

  const auto trained = trained_by(r, net);
  zolt::optimizer opt{trained,
                      estimator,
                      zolt::sgd{.rate = r.rate},
                      write_back,
                      zolt::factored_rms{.floor = 1e-2},
                      zolt::linear_decay{.steps = a.forwards},
                      zolt::batches_per_write{r.batches},
                      zolt::options{.run = a.seed}};
  const typename transformer<Weights>::parts parts{net.blocks.size() - r.blocks, r.from == credit::chained};
  batch_order order(a.texts.train, a.sequences, a.seed);
  std::uint64_t steps = 0;
  clock::duration spent{};
  for (; steps < a.forwards; ++steps) {
    const batch b = order.next();
    const auto forward = [&](const zolt::probe_view& probes) -> const zolt::tensor<float>& { return net.logits(probes, b.tokens, parts); };
    const auto start = clock::now();
    const zolt::report step = opt.step(forward, zolt::softmax_cross_entropy{b.next});
    spent += clock::now() - start;
    result.forwards += step.forwards;
    result.work += step.work;
  }
  const auto weights = static_cast<double>(zolt::weight_count(trained));
  result.purity = decltype(opt)::purity;
  result.state_bytes_per_weight = static_cast<double>(opt.state_bytes()) / weights;
  result.trained_share = weights / static_cast<double>(size_of(net));
  result.loss_after = mean_loss(net, test);
  result.milliseconds_per_step = std::chrono::duration<double, std::milli>(spent).count() / static_cast<double>(steps);
  result.working_bytes = opt.working_bytes();
  return result;
}

/// Prefixes of five positions in every block, by two-point differences of the loss, as MeZO trains them. Two forwards a step.
template <class Weights>
outcome train_prefix(const recipe& r, const assignment& a) {
  using clock = std::chrono::steady_clock;
  constexpr std::size_t prefix_positions = 5;
  transformer<Weights> net;
  quantize_into(net, a.model);
  const auto test = std::span(a.texts.test).first(std::min(a.judged, a.texts.test.size()));
  outcome result;
  result.loss_before = mean_loss(net, test);

  std::vector<zolt::tensor<float>> keys, values;
  std::vector<zolt::attention_prefix> prefixes;
  zolt::parameter_list<zolt::dense_view> trained;
  for (const block<Weights>& b : net.blocks)
    for (auto* each : {&keys, &values}) each->emplace_back(zolt::shape{prefix_positions, b.key.rows()});
  for (std::size_t l = 0; l < net.blocks.size(); ++l) {
    prefixes.emplace_back(keys[l], values[l]);
    trained.add("block " + std::to_string(l) + " prefix keys", keys[l]);
    trained.add("block " + std::to_string(l) + " prefix values", values[l]);
  }
  batch_order order(a.texts.train, a.sequences, a.seed);
  net.start_prefixes(prefixes, order.next().tokens);

  zolt::optimizer opt{trained,
                      zolt::two_point{.radius = 0.1},
                      zolt::gaussian{},
                      zolt::sgd{.rate = r.rate},
                      zolt::linear_decay{.steps = a.forwards / 2},
                      zolt::options{.run = a.seed}};
  std::uint64_t steps = 0;
  clock::duration spent{};
  for (; steps < a.forwards / 2; ++steps) {
    const batch b = order.next();
    const zolt::softmax_cross_entropy loss{b.next};
    const auto start = clock::now();
    const zolt::report step = opt.step([&](const zolt::probe_view& probes) {
      const zolt::tensor<float>& logits = net.logits(probes, b.tokens, {});
      std::vector<double> losses(probes.count());
      for (std::size_t row = 0; row < logits.rows(); ++row)
        losses[row / b.next.size()] += loss.loss(row % b.next.size(), logits.view().row(row)) / static_cast<double>(b.next.size());
      return losses;
    });
    spent += clock::now() - start;
    result.forwards += step.forwards;
    result.work += step.work;
  }
  result.purity = decltype(opt)::purity;
  result.trained_share = static_cast<double>(zolt::weight_count(trained)) / static_cast<double>(size_of(net));
  result.loss_after = mean_loss(net, test);
  result.milliseconds_per_step = std::chrono::duration<double, std::milli>(spent).count() / static_cast<double>(steps);
  return result;
}

template <class Weights>
outcome train(const recipe& r, const assignment& a) {
  if (r.from == credit::prefix) return train_prefix<Weights>(r, a);
  const auto with = [&](const auto& estimator) {
    return r.residual ? train_with<Weights>(r, a, estimator, zolt::residual<4>{})
                      : train_with<Weights>(r, a, estimator, zolt::stochastic{});
  };
  if (r.from == credit::head) return with(zolt::exact_head{});
  if (r.from == credit::broadcast) return with(zolt::identity_broadcast{});
  return with(zolt::block_backward{});
}

}  // namespace language_model
