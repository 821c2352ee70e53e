#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "support/counted_memory.hpp"
#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/parameter/narrow.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/byte_moments.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"
#include "zolt/update/vote.hpp"

// After the first step a step allocates nothing, and what the optimizer keeps per weight is what its policies say.

namespace zolt::test::counted_memory {
std::atomic<std::size_t> allocations{0}, held{0}, most{0}, allowed{~std::size_t{0}};
}
using namespace zolt::test::counted_memory;

namespace {
void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  if (allowed != ~std::size_t{0} && allowed-- == 0) {
    allowed = 0;
    throw std::bad_alloc();
  }
  const std::size_t before = alignment < 64 ? 64 : alignment;  // its own size stands before every block
  void* p = nullptr;
  if (posix_memalign(&p, before, before + size) != 0) throw std::bad_alloc();
  const std::size_t now = held += size;
  for (std::size_t peak = most; now > peak && !most.compare_exchange_weak(peak, now);) {
  }
  *static_cast<std::size_t*>(p) = size;
  auto* const block = static_cast<std::byte*>(p) + before;
  reinterpret_cast<std::size_t*>(block)[-1] = before;
  return block;
}
void give_back(void* block) {
  if (block == nullptr) return;
  auto* const p = static_cast<std::byte*>(block) - static_cast<std::size_t*>(block)[-1];
  held -= *reinterpret_cast<std::size_t*>(p);
  std::free(p);
}
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
// The library's sort asks so for a buffer, and gives it back with a plain delete.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return counted(size, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }

namespace zolt::test {
namespace {

TEST(memory, the_counter_counts) {
  const std::size_t before = allocations;
  const std::vector<float> two(100), vectors(200);
  EXPECT_EQ(allocations - before, 2u);
}

/// Steps 3 to 20, after two of each way of seeing. In place, a journal may meet more exceptions than ever before: that growth is counted.
template <class... Policies>
void expect_no_allocation(const Policies&... policies) {
  model m = model::quantized();
  squared_distance loss(m);
  for (const std::size_t threads : {std::size_t{1}, std::size_t{3}})
    for (const seeing how : ways_of_seeing) {
      optimizer opt{m.mixed(), policies..., options{.threads = threads}};
      std::uint64_t growths = 0;
      for (int step = 0; step < 2; ++step) growths = step_seen(opt, loss, how).growths;
      const std::uint64_t growths_before = growths;
      const std::size_t before = allocations;
      for (int step = 2; step < 20; ++step) growths = step_seen(opt, loss, how).growths;
      EXPECT_EQ(allocations - before, growths - growths_before)
          << "seen in way " << static_cast<int>(how) << " by " << threads << " threads";
      EXPECT_LE(growths - growths_before, how == seeing::in_place ? threads : 0);
      EXPECT_TRUE(how == seeing::in_place || growths == 0);
    }
}

TEST(memory, a_step_allocates_nothing) {
  expect_no_allocation(sgd{.rate = 0.3}, two_point{.queries = 2});
  expect_no_allocation(sgd{.rate = 0.1}, one_sided{.queries = 3}, rademacher{}, cosine_decay{.steps = 20});
  expect_no_allocation(momentum{.rate = 0.05}, centered_ranks{}, two_point{.queries = 3});
  expect_no_allocation(adam{.rate = 0.1}, residual<4>{});
  expect_no_allocation(replayed<momentum>{.rule = {.rate = 0.05}, .window = 3}, two_point{.queries = 2});
  expect_no_allocation(byte_moments<adam>{.rule = {.rate = 0.1}});
}

TEST(memory, a_step_on_16_bit_weights_allocates_nothing) {
  std::vector<std::uint16_t> w(20000, 0x3c00);
  for (const double density : {1.0, 0.1}) {
    optimizer opt{parameters(parameter("w", half_view(std::span<std::uint16_t>(w)))), two_point{.radius = 0.1},
                  sparse_rademacher{.ratio = 0, .min_density = density}, sgd{.rate = 0.01}};
    const auto loss = [&w] { return static_cast<double>(w[17]); };
    std::uint64_t growths = 0;
    for (int step = 0; step < 2; ++step) growths = opt.step(loss).growths;
    const std::size_t before = allocations;
    for (int step = 0; step < 10; ++step) opt.step(loss);
    EXPECT_EQ(allocations - before, opt.step(loss).growths - growths);
    EXPECT_LE(allocations - before, 1u);
  }
}

TEST(memory, concurrent_probes_allocate_nothing) {
  model m = model::quantized();
  optimizer opt{m.mixed(), two_point{.queries = 4}, options{.threads = 3, .concurrent_probes = true}};
  const auto loss = [&m](const probe_view& p) {
    float out[256];
    p.read(m.in_int4, 0, out);
    double sum = 0;
    for (const float w : out) sum += w;
    return sum;
  };
  opt.step(loss);
  const std::size_t before = allocations;
  for (int step = 1; step < 10; ++step) opt.step(loss);
  EXPECT_EQ(allocations - before, 0u);
}

TEST(memory, a_log_that_outgrows_its_reservation_is_counted) {
  model m = model::quantized();
  optimizer opt{m.mixed(), options{.reserved_steps = 4}};
  report r;
  for (int step = 0; step < 4; ++step) r = opt.step([](const probe_view& p) { return p[0].offset; });
  EXPECT_EQ(r.growths, 0u);
  r = opt.step([](const probe_view& p) { return p[0].offset; });
  EXPECT_EQ(r.growths, 2u);  // steps and terms
}

template <class... Policies>
std::size_t state_of(const Policies&... policies) {
  model m = model::quantized();
  return optimizer{m.mixed(), policies...}.state_bytes();
}

TEST(memory, bytes_beside_the_weights_are_as_documented) {
  constexpr std::size_t coded[] = {150 * 256, 41 * 100}, floats = 140 * 131;
  std::size_t weights = floats, whole = 0, halves = 0, quarters = 0, eighths = 0;
  for (const std::size_t n : coded) weights += n, whole += n, halves += (n + 1) / 2, quarters += (n + 3) / 4, eighths += (n + 7) / 8;

  EXPECT_EQ(state_of(), 0u);
  EXPECT_EQ(state_of(nearest{}, rademacher{}), 0u);
  EXPECT_EQ(state_of(vote{}), 0u);
  EXPECT_EQ(state_of(sign_of_gradient{}), 0u);
  EXPECT_EQ(state_of(momentum{}), 4 * weights);
  EXPECT_EQ(state_of(adam{}), 8 * weights);
  EXPECT_EQ(state_of(amsgrad{}), 12 * weights);
  EXPECT_EQ(state_of(replayed<adam>{}), 0u);
  EXPECT_EQ(state_of(residual<1>{}), eighths);
  EXPECT_EQ(state_of(residual<2>{}), quarters);
  EXPECT_EQ(state_of(residual<3>{}), halves);  // fields of a power of two
  EXPECT_EQ(state_of(residual<4>{}), halves);
  EXPECT_EQ(state_of(residual<8>{}), whole);
  EXPECT_EQ(state_of(residual<9>{}), 2 * whole);
  EXPECT_EQ(state_of(residual<16>{}), 2 * whole);
  EXPECT_EQ(state_of(momentum{}, residual<4>{}), 4 * weights + halves);
}

TEST(memory, on_read_no_journal_exists) {
  model m = model::quantized();
  squared_distance loss(m);
  optimizer opt{m.mixed(), sgd{.rate = 0.3}};
  opt.step(loss);
  EXPECT_EQ(opt.journal_bytes(), 0u);
}

TEST(memory, a_journal_holds_the_exceptions) {
  // Sixteen bytes per weight that an inverse move does not bring back, grown by doubling from a thousand per lane.
  constexpr std::size_t entry = 16, least = 1024;
  model m = model::quantized();
  squared_distance loss(m);
  for (const std::size_t threads : teams) {
    optimizer opt{parameters(parameter("int4", m.in_int4)), sparse_rademacher{.ratio = 0, .min_density = 0.3}, options{.threads = threads}};
    for (int step = 0; step < 5; ++step) opt.step([&] { return loss.of_weights(); });
    const double touched = 0.3 * static_cast<double>(weight_count(opt.parameters()));
    const double exceptions = 0.08 * touched;  // 4–6 % on weights of a network
    EXPECT_LE(static_cast<double>(opt.journal_bytes()), entry * (2 * exceptions + static_cast<double>(threads * least)))
        << threads << " threads";
    EXPECT_GT(opt.journal_bytes(), 0u);
  }
  optimizer floats{m.floats(), rademacher{}};
  floats.step([&] { return loss.of_weights(); });
  EXPECT_LE(floats.journal_bytes(), 2 * 4 * m.in_float.size()) << "a copy of four bytes per weight";
}

template <class Parameters, class Bytes>
void expect_survives(const Parameters& parameters, Bytes&& bytes, double density, std::size_t threads) {
  const auto before = bytes();
  std::size_t failures = 0;
  for (bool failed = true; failed; ++failures) {
    optimizer opt{parameters, sparse_rademacher{.ratio = 0, .min_density = density}, options{.threads = threads}};
    opt.ask();
    allowed = failures;
    try {
      opt.evaluate([] { return 1.0; });
      failed = false;
    } catch (const std::bad_alloc&) {
    }
    allowed = ~std::size_t{0};
    ASSERT_EQ(bytes() == before, true) << "after " << failures << " allocations of " << threads << " threads";
  }
  EXPECT_GT(failures, 2u) << "a journal allocates in its first step";
}

TEST(memory, that_runs_out_while_a_probe_is_entered_leaves_the_weights_as_they_were) {
  for (const std::size_t threads : teams)
    for (const double density : {1.0, 0.2}) {
      model m = model::extreme();
      expect_survives(
          m.mixed(), [&m] { return m.bytes(); }, density, threads);
    }
  std::vector<std::uint16_t> half(9000), brain(20000);
  for (std::size_t i = 0; i < brain.size(); ++i) brain[i] = static_cast<std::uint16_t>(0x3f00 + i % 512);
  const auto words = parameters(parameter("half", half_view(std::span<std::uint16_t>(half))),
                                parameter("brain", bfloat16_view(std::span<std::uint16_t>(brain))));
  expect_survives(
      words, [&] { return std::pair(half, brain); }, 0.2, 2);
}

}  // namespace
}  // namespace zolt::test
