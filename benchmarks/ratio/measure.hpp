#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <functional>
#include <span>
#include <vector>

namespace ratio {

/// Something to run and what one run does.
struct contender {
  double bytes = 0;     ///< useful traffic: what is read and written, each once; what the cache fetches beside it is not counted
  double elements = 0;  ///< weights, words or non-zeros
  std::function<void()> run;
};

/// Time of this thread alone, which does not count what other programs take of its processor; with several threads the wall's.
enum class timer { thread, wall };

inline double seconds(timer t) {
  std::timespec now{};
  clock_gettime(t == timer::thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct effort {
  std::size_t rounds = 15;
  double shortest = 5e-3;  ///< seconds: a contender is repeated within a round until it takes this long
  double longest = 30;     ///< seconds for all rounds of a comparison, but never fewer than `fewest`
  static constexpr std::size_t fewest = 7;
};

/// Seconds per run of every contender in every round. A round runs them all, one after the other, so that what the machine does to one of
/// them it does to its neighbours too; each round begins with another one.
inline std::vector<std::vector<double>> interleaved(std::span<const contender> contenders, timer t, const effort& e) {
  const auto timed = [t](const contender& c, std::size_t repetitions) {
    const double start = seconds(t);
    for (std::size_t i = 0; i < repetitions; ++i) c.run();
    return (seconds(t) - start) / static_cast<double>(repetitions);
  };
  std::vector<std::size_t> repetitions;
  double round = 0;
  for (const contender& c : contenders) {
    c.run();  // its pages, its caches
    const double once = std::max(timed(c, 1), 1e-9);
    repetitions.push_back(static_cast<std::size_t>(std::clamp(std::ceil(e.shortest / once), 1.0, 1e6)));
    round += once * static_cast<double>(repetitions.back());
  }
  const auto affordable = static_cast<std::size_t>(std::clamp(e.longest / round, static_cast<double>(effort::fewest), 1e6));
  const std::size_t rounds = std::min(e.rounds, affordable), count = contenders.size();
  std::vector<std::vector<double>> times(count, std::vector<double>(rounds));
  for (std::size_t r = 0; r < rounds; ++r)
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t c = (r + i) % count;
      times[c][r] = timed(contenders[c], repetitions[c]);
    }
  return times;
}

}  // namespace ratio
