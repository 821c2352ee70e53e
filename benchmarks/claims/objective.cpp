#include "objective.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fashion_mnist/counter_random.hpp"

namespace claims {
namespace {

using fashion_mnist::counter_random;

/// Uniform numbers of mean 0 and variance 1.
class draws {
 public:
  explicit draws(std::uint64_t seed) : random_{seed, counter_random::purpose::initial_weights} {}
  double next() { return std::sqrt(3.0) * static_cast<double>(random_.symmetric(at_++)); }

 private:
  counter_random random_;
  std::uint64_t at_ = 0;
};

/// v ← Hadamard · v / √n.
void hadamard(std::span<double> v) {
  for (std::size_t half = 1; half < v.size(); half *= 2)
    for (std::size_t block = 0; block < v.size(); block += 2 * half)
      for (std::size_t i = block; i < block + half; ++i) {
        const double a = v[i], b = v[i + half];
        v[i] = a + b, v[i + half] = a - b;
      }
  for (double& x : v) x /= std::sqrt(static_cast<double>(v.size()));
}

struct spectrum {
  bool mixed;
  std::vector<double> curvature, target, signs;

  explicit spectrum(const stiff& how) : mixed(how.mixed) {
    draws d(5);
    const std::size_t curved = how.curved == 0 ? how.dimension : how.curved;
    for (std::size_t j = 0; j < how.dimension; ++j) {
      const double place = static_cast<double>(j) / static_cast<double>(curved - 1);
      curvature.push_back(j < curved ? std::pow(how.condition, -place) : 0);
      target.push_back(d.next());
    }
    for (std::size_t j = 0; j < how.dimension; ++j) signs.push_back(d.next() < 0 ? -1 : 1);
  }
  /// y − t.
  std::vector<double> distance(std::span<const float> x) const {
    std::vector<double> y(x.begin(), x.end());
    if (mixed) {
      for (std::size_t j = 0; j < y.size(); ++j) y[j] *= signs[j];
      hadamard(y);
    }
    for (std::size_t j = 0; j < y.size(); ++j) y[j] -= target[j];
    return y;
  }
  double value(std::span<const float> x) const {
    const std::vector<double> y = distance(x);
    double sum = 0;
    for (std::size_t j = 0; j < y.size(); ++j) sum += 0.5 * curvature[j] * y[j] * y[j];
    return sum;
  }
  std::vector<double> gradient(std::span<const float> x) const {
    std::vector<double> g = distance(x);
    for (std::size_t j = 0; j < g.size(); ++j) g[j] *= curvature[j];
    if (mixed) {
      hadamard(g);
      for (std::size_t j = 0; j < g.size(); ++j) g[j] *= signs[j];
    }
    return g;
  }
};

class descending final : public trainee<float_list> {
 public:
  descending(objective f, double scale) : f_(std::move(f)), scale_(scale), x_(f_.dimension) {
    list_.add("x", x_, {.unit = 1});
    first_ = f_.value(x_);
  }
  const float_list& parameters() const override { return list_; }
  void begin(std::uint64_t) override {}
  const std::vector<double>& losses(const zolt::probe_view& probes) override {
    losses_of(f_, probes, x_, seen_, losses_);
    for (double& loss : losses_) loss *= scale_;
    return losses_;
  }
  double validation() const override { return score(); }
  double score() const override { return f_.value(x_) / first_; }

 private:
  objective f_;
  double scale_;
  std::vector<float> x_, seen_;
  std::vector<double> losses_;
  double first_ = 0;
  float_list list_;
};

}  // namespace

objective quadratic(const stiff& how) {
  const auto s = std::make_shared<const spectrum>(how);
  return {how.dimension, [s](std::span<const float> x) { return s->value(x); }, [s](std::span<const float> x) { return s->gradient(x); }};
}

objective odd_power(int k, double s) {
  constexpr std::size_t dimension = 64;
  draws d(6);
  std::vector<double> a;
  for (std::size_t j = 0; j < dimension; ++j) a.push_back(d.next());
  const double part = s / std::tgamma(k + 1.0);
  const auto value = [a, part, k](std::span<const float> x) {
    double sum = 0;
    for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * (double{x[j]} + part * std::pow(double{x[j]}, k));
    return sum;
  };
  const auto gradient = [a, part, k](std::span<const float> x) {
    std::vector<double> g;
    for (std::size_t j = 0; j < a.size(); ++j) g.push_back(a[j] * (1 + part * k * std::pow(double{x[j]}, k - 1)));
    return g;
  };
  return {dimension, value, gradient};
}

objective rounded(const objective& f) {
  const auto value = [f](std::span<const float> x) {
    std::vector<float> whole(x.begin(), x.end());
    for (float& v : whole) v = std::nearbyint(v);
    return f.value(whole);
  };
  return {f.dimension, value, f.gradient};
}

void losses_of(const objective& f, const zolt::probe_view& probes, const std::vector<float>& x, std::vector<float>& seen,
               std::vector<double>& values) {
  seen.resize(probes.count() * x.size());
  probes.read(x, 0, seen);
  values.clear();
  for (std::size_t k = 0; k < probes.count(); ++k) values.push_back(f.value(std::span<const float>(seen).subspan(k * x.size(), x.size())));
}

task<float_list> descent(std::string name, objective f, double forwards, double scale) {
  return {std::move(name), better::less, forwards, [f = std::move(f), scale](unsigned) { return std::make_unique<descending>(f, scale); }};
}

}  // namespace claims
