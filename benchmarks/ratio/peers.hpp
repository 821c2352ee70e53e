#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

/// What users have today, written as its documentation has it and compiled with the flags that its users take.
namespace ratio::peer {

// eigen_peers.cpp: groups of 128 with one scale each.
inline constexpr std::size_t eigen_group = 128;
/// w += c·Random(n): uniform on [−1, 1].
void eigen_add_random(std::span<float> w, float c);
void eigen_round(std::span<const float> w, std::span<std::int8_t> codes, std::span<float> scales);
/// Stochastic rounding with the uniform numbers in memory.
void eigen_round_stochastically(std::span<const float> w, std::span<const float> uniform, std::span<std::int8_t> codes,
                                std::span<float> scales);
void eigen_decode(std::span<const std::int8_t> codes, std::span<const float> scales, std::span<float> w);

// random_peers.cpp
/// w += c·std::normal_distribution over std::mt19937.
void standard_add_normal(std::span<float> w, float c);
/// w += c·boxmuller(philox4x32-10).
void random123_add_normal(std::span<float> w, float c);
void standard_words(std::span<std::uint32_t> words);
void random123_words(std::span<std::uint32_t> words);

#if ZOLT_BENCHMARK_TORCH
// torch_peers.cpp. Each makes its own tensors of n floats and returns what is to be timed.
enum class torch_direction { normal, sign };
/// manual_seed; z = normal or ±1 of w's size; w.add_(c·z).
std::function<void()> torch_perturb(std::size_t n, torch_direction direction);
/// The same with z in memory that is made once and filled in place.
std::function<void()> torch_perturb_kept(std::size_t n, torch_direction direction);
/// Three such passes and the update along the direction: a step without its forward passes.
std::function<void()> torch_step(std::size_t n, torch_direction direction);
/// floor(w/s + rand_like), clamp, to int8.
std::function<void()> torch_round_stochastically(std::size_t n);
std::function<void()> torch_round_stochastically_kept(std::size_t n);
void torch_threads(int threads);
#endif

}  // namespace ratio::peer
