#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <vector>

#include "zolt/core/parallel.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace zolt::inline v0 {

namespace detail {
struct any_lane {
  void operator()(std::size_t) const {}
};
}  // namespace detail

/// Runs one function on all lanes 0 … size()−1: `e.run(f)` calls f(lane) once for each, all of them done on return. Lanes may run at the same
/// time or one after another, by any thread. Their number is at least 1 and stays what it is. An exception of a lane is rethrown, after all
/// lanes are done; `f` may be called by several threads at once, `run` may not.
///
/// What a lane does depends on its number and on the number of lanes in what it visits, never in what it computes, so results are the same
/// for every executor.
template <class E>
concept executor = requires(E& e, const E& constant, detail::any_lane& f) {
  { constant.size() } -> std::convertible_to<std::size_t>;
  e.run(f);
};

/// One lane: the caller.
struct serial {
  static constexpr std::size_t size() { return 1; }
  template <class Function>
  void run(Function&& f) const {
    f(std::size_t{0});
  }
  friend bool operator==(const serial&, const serial&) = default;
};

/// An executor that lives elsewhere, such as the thread pool of an engine; it must outlive whoever runs on it.
template <executor Executor>
struct executor_reference {
  Executor* target;

  std::size_t size() const { return target->size(); }
  template <class Function>
  void run(Function&& f) const {
    target->run(f);
  }
  friend bool operator==(const executor_reference&, const executor_reference&) = default;
};
template <class Executor>
executor_reference(Executor*) -> executor_reference<Executor>;

#if defined(_OPENMP)
/// Lanes on the threads of OpenMP: as many as it would use where the team is made, unless their number is given. Where it gives fewer, as
/// inside another parallel region, each thread takes several lanes.
///
/// Cost     a run allocates nothing but what OpenMP needs for its threads.
class openmp_team {
 public:
  openmp_team() : openmp_team(static_cast<std::size_t>(omp_get_max_threads())) {}
  explicit openmp_team(std::size_t lanes) : failures_(lanes == 0 ? 1 : lanes) {}

  std::size_t size() const { return failures_.size(); }

  template <class Function>
  void run(Function&& f) {
    if (size() == 1) return static_cast<void>(f(std::size_t{0}));
    const int lanes = static_cast<int>(size());
#pragma omp parallel num_threads(lanes)
    {
      const auto threads = static_cast<std::size_t>(omp_get_num_threads());
      for (auto lane = static_cast<std::size_t>(omp_get_thread_num()); lane < size(); lane += threads) {
        try {
          f(lane);
        } catch (...) {
          failures_[lane] = std::current_exception();
        }
      }
    }
    detail::rethrow_first(failures_);
  }

 private:
  std::vector<std::exception_ptr> failures_;
};

/// Who runs the lanes where nobody says: OpenMP in a program compiled for it, else threads of our own, one by default. It is part of the
/// type of what runs on it, so translation units with and without OpenMP can be linked
/// together, as long as none of their own inline functions names an optimizer without its executor.
using default_executor = openmp_team;
#else
using default_executor = thread_team;
#endif

}  // namespace zolt::inline v0
