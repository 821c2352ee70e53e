#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "best_rates.hpp"
#include "train.hpp"

namespace claims {

/// A method entered for a task. Two that stand for the same training have the same name.
struct entrant {
  std::string name;
  std::string task;
  better is;
  double first_rate;  ///< where the search for the best one begins
  std::function<outcome(double rate, unsigned seed)> run;
};

/// A method or a composition with a rate, for a task.
template <class Method, class List>
entrant enter(std::string name, const task<List>& what, double first_rate, const Method& method = {}) {
  return {std::move(name), what.name, what.is, first_rate, [=](double rate, unsigned seed) {
            Method m = method;
            m.rate = rate;
            return train(m, what, seed);
          }};
}

/// What was already trained: claims share their baselines. Safe to use by several threads.
class bench {
 public:
  /// Entrants whose best rate is known are not searched.
  explicit bench(best_rates known = {}) : rates_(std::move(known)) {}

  /// The best rate among half-decades by the validation loss under the tuning seed: from the first one uphill, until both neighbours are
  /// worse. The same search for every method.
  double best_rate(const entrant& e);
  /// That of several whose validation loss is least under the tuning seed, each with its best rate.
  const entrant& best_of(const std::vector<entrant>& several);
  /// With its best rate, under a reported seed.
  outcome best(const entrant& e, unsigned seed);
  outcome at_rate(const entrant& e, double rate, unsigned seed);

  /// What is known now.
  const best_rates& rates() const { return rates_; }

 private:
  double search_best_rate(const entrant& e);

  std::mutex guard_;
  std::map<std::string, std::shared_future<outcome>> runs_;
  best_rates rates_;
};

using measurement = std::function<figures(bench&, unsigned seed)>;

/// The scores of two entrants at their best rates.
measurement scores_of(entrant method, entrant baseline);
/// The same for the best of several forms of a method.
measurement scores_of_best(std::vector<entrant> methods, entrant baseline);
/// The same at that many times their best rates.
measurement scores_beyond(entrant method, entrant baseline, double times);
/// Both at the best rate for `known`, on the task of `changed`: each pair is one method on two tasks.
struct transfer {
  entrant known, changed;
};
measurement scores_transferred(transfer method, transfer baseline);
/// The best rates themselves.
measurement rates_of(entrant method, entrant baseline);

}  // namespace claims
