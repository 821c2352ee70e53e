#include "bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace claims {
namespace {

figures both(const outcome& m, const outcome& n) { return {m.score, n.score, m.milliseconds_per_forward, n.milliseconds_per_forward}; }

}  // namespace

outcome bench::at_rate(const entrant& e, double rate, unsigned seed) {
  const std::string key = fmt::format("{} | {} | {} | {}", e.name, e.task, rate, seed);
  std::promise<outcome> mine;
  std::shared_future<outcome> run;
  {
    const std::lock_guard lock(guard_);
    const auto [at, is_new] = runs_.try_emplace(key);
    if (!is_new)
      run = at->second;
    else
      at->second = mine.get_future().share();
  }
  if (run.valid()) return run.get();
  try {
    const outcome o = e.run(rate, seed);
    mine.set_value(o);
    return o;
  } catch (...) {
    mine.set_exception(std::current_exception());
    throw;
  }
}

double bench::best_rate(const entrant& e) {
  const std::string key = fmt::format("{} | {}", e.name, e.task);
  {
    const std::lock_guard lock(guard_);
    if (const auto at = rates_.find(key); at != rates_.end()) return at->second;
  }
  const double rate = search_best_rate(e);
  const std::lock_guard lock(guard_);
  return rates_.try_emplace(key, rate).first->second;
}

double bench::search_best_rate(const entrant& e) {
  constexpr int furthest = 8;
  const int first = nearest_half_decade(e.first_rate);
  const auto loss = [&](int k) {
    try {
      return at_rate(e, half_decade(k), tuning_seed).validation;
    } catch (const zolt::error&) {  // no rate of this rule, as a fraction above 1; the first one must be
      if (k == first) throw;
      return std::numeric_limits<double>::infinity();
    }
  };
  int best = first;
  const auto climb = [&](int direction) {
    while (std::abs(best + direction - first) <= furthest && loss(best + direction) < loss(best)) best += direction;
  };
  climb(-1);
  if (best == first) climb(+1);
  return half_decade(best);
}

const entrant& bench::best_of(const std::vector<entrant>& several) {
  return *std::min_element(several.begin(), several.end(), [&](const entrant& a, const entrant& b) {
    return best(a, tuning_seed).validation < best(b, tuning_seed).validation;
  });
}

outcome bench::best(const entrant& e, unsigned seed) { return at_rate(e, best_rate(e), seed); }

measurement scores_of(entrant method, entrant baseline) { return scores_beyond(std::move(method), std::move(baseline), 1); }

measurement scores_of_best(std::vector<entrant> methods, entrant baseline) {
  return [=](bench& b, unsigned seed) { return both(b.best(b.best_of(methods), seed), b.best(baseline, seed)); };
}

measurement scores_beyond(entrant method, entrant baseline, double times) {
  return [=](bench& b, unsigned seed) {
    const auto beyond = [&](const entrant& e) { return b.at_rate(e, times * b.best_rate(e), seed); };
    return both(beyond(method), beyond(baseline));
  };
}

measurement scores_transferred(transfer method, transfer baseline) {
  return [=](bench& b, unsigned seed) {
    const auto moved = [&](const transfer& t) { return b.at_rate(t.changed, b.best_rate(t.known), seed); };
    return both(moved(method), moved(baseline));
  };
}

measurement rates_of(entrant method, entrant baseline) {
  return [=](bench& b, unsigned) { return figures{b.best_rate(method), b.best_rate(baseline)}; };
}

}  // namespace claims
