#include "frozen_cost.hpp"

#include <fmt/format.h>

#include <array>
#include <numeric>
#include <string_view>
#include <vector>

#include "adaptation_run.hpp"
#include "cached_losses.hpp"
#include "report.hpp"
#include "zolt/method/layer_freezing.hpp"

namespace fashion_mnist {
namespace {

constexpr network_sizes halves{image_pixels, image_pixels, 774, classes};
constexpr std::uint64_t epoch = 8, timed_steps = 60;  // steps; an epoch leaves no example out

/// Steps of one kind on a network of their own.
class kind_of_step {
 public:
  kind_of_step(std::string_view name, const dataset& images, const float_network& start, std::uint32_t frozen_from, int bits, bool caches)
      : name_{name}, net_{quantized<int4_weights>(start)}, losses_{images.size(), bits, caches}, frozen_from_{frozen_from} {}

  void step(const dataset& batch, std::span<const Eigen::Index> examples, bool timed) {
    const stopwatch watch;
    opt_.step([&](const zolt::probe_view& probes) -> const std::vector<double>& { return losses_(net_, probes, batch, examples); });
    if (timed) milliseconds_.push_back(watch.milliseconds());
  }
  std::string_view name() const { return name_; }
  spread milliseconds() const { return spread_of(milliseconds_); }
  double passes() const { return losses_.passes(); }
  std::size_t bytes() const { return losses_.bytes(); }

 private:
  std::string_view name_;
  network<int4_weights> net_;
  cached_losses losses_;
  std::uint32_t frozen_from_;
  zolt::optimizer<decltype(layer_by_layer{}(net_)), zolt::composition_of<zolt::method::layer_freezing>> opt_{
      layer_by_layer{}(net_), zolt::method::layer_freezing{.first_step = frozen_from_, .per_layer = 2}};
  std::vector<double> milliseconds_;
};

}  // namespace

void print_cost_of_frozen_steps(const dataset& images) {
  std::vector<Eigen::Index> first(epoch * static_cast<std::uint64_t>(batch_size));
  std::iota(first.begin(), first.end(), Eigen::Index{0});
  const dataset some = slice(images, first);
  const float_network start = initial_network(1, halves);
  constexpr std::uint32_t never = ~std::uint32_t{0};
  std::array<kind_of_step, 5> kinds{kind_of_step{"all layers learn", some, start, never, 32, true},
                                    kind_of_step{"first frozen, computed once for both probes", some, start, 0, 32, false},
                                    kind_of_step{"first frozen, features kept as floats", some, start, 0, 32, true},
                                    kind_of_step{"first frozen, features of 8 bits", some, start, 0, 8, true},
                                    kind_of_step{"first frozen, features of 4 bits", some, start, 0, 4, true}};
  batch_order order(some.size(), batch_size, 1, counter_random::purpose::adaptation_batches);
  dataset batch;
  for (std::uint64_t s = 0; s < epoch + timed_steps; ++s) {
    const std::span<const Eigen::Index> examples = order.at(s);
    slice_into(some, examples, batch);
    for (kind_of_step& kind : kinds) kind.step(batch, examples, s >= epoch);
  }

  fmt::print("A step of 784-784-774-10 on INT4 with {} images, half of its products in the first layer; medians of {} steps.\n\n",
             batch_size, timed_steps);
  fmt::print("{:<44} {:>7} {:>12} {:>6} {:>12}\n", "", "passes", "ms per step", "ratio", "cache bytes");
  const double whole = kinds[0].milliseconds().median;
  for (const kind_of_step& kind : kinds) {
    const double median = kind.milliseconds().median;
    fmt::print("{:<44} {:>7.2f} {:>12.2f} {:>6.2f} {:>12}\n", kind.name(), kind.passes(), median, median / whole, kind.bytes());
  }
}

}  // namespace fashion_mnist
