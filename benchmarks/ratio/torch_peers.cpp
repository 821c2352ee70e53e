// Built only where LibTorch is installed.
#include <torch/torch.h>

#include "peers.hpp"

namespace ratio::peer {
namespace {

constexpr double radius = 1e-3;

torch::Tensor weights_of(std::size_t n) { return torch::randn({static_cast<std::int64_t>(n)}); }

torch::Tensor drawn(const torch::Tensor& w, torch_direction direction) {
  if (direction == torch_direction::normal) return torch::normal(0.0, 1.0, w.sizes());
  return torch::randint(0, 2, w.sizes(), w.options()).mul_(2).sub_(1);
}

/// Inside, since the thread that runs it may not be the one that made it.
template <class Function>
std::function<void()> without_gradients(Function f) {
  return [f] {
    const torch::NoGradGuard guard;
    f();
  };
}

}  // namespace

void torch_threads(int threads) { torch::set_num_threads(threads); }

std::function<void()> torch_perturb(std::size_t n, torch_direction direction) {
  return without_gradients([w = weights_of(n), direction] {
    torch::manual_seed(1);
    const torch::Tensor z = drawn(w, direction);
    w.add_(radius * z);
  });
}

std::function<void()> torch_perturb_kept(std::size_t n, torch_direction direction) {
  const torch::Tensor w = weights_of(n);
  return without_gradients([w, z = torch::empty_like(w), direction] {
    torch::manual_seed(1);
    if (direction == torch_direction::normal)
      z.normal_();
    else
      z.random_(0, 2).mul_(2).sub_(1);
    w.add_(z, radius);
  });
}

std::function<void()> torch_step(std::size_t n, torch_direction direction) {
  return without_gradients([w = weights_of(n), direction] {
    for (const double factor : {radius, -2 * radius, radius, -1e-5}) {  // there, to the other side, back, the update
      torch::manual_seed(1);
      const torch::Tensor z = drawn(w, direction);
      w.add_(factor * z);
    }
  });
}

std::function<void()> torch_round_stochastically(std::size_t n) {
  return without_gradients([w = weights_of(n)] {
    const torch::Tensor scaled = w / 0.04;
    const torch::Tensor codes = (scaled + torch::rand_like(scaled)).floor().clamp(-127, 127).to(torch::kInt8);
  });
}

std::function<void()> torch_round_stochastically_kept(std::size_t n) {
  const torch::Tensor w = weights_of(n);
  return without_gradients([w, u = torch::empty_like(w), codes = torch::empty_like(w, torch::kInt8)] {
    u.uniform_().add_(w, 1 / 0.04).floor_().clamp_(-127, 127);
    codes.copy_(u);
  });
}

}  // namespace ratio::peer
