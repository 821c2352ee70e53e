#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

namespace detail {
/// Throws what the lowest lane threw, if any did, and forgets the rest.
inline void rethrow_first(std::vector<std::exception_ptr>& failures) {
  for (const std::exception_ptr& e : failures)
    if (e) {
      const std::exception_ptr first = e;
      for (std::exception_ptr& each : failures) each = nullptr;
      std::rethrow_exception(first);
    }
}
}  // namespace detail

/// A fixed team of threads that runs one function on all lanes 0 … size()−1; lane 0 is the caller. One lane starts no thread.
///
/// What a lane does must not depend on the number of lanes: work is cut by position, and a result that is a function of position alone
/// is the same for any team. An exception of a lane is rethrown in the caller, the lowest lane's first.
/// Cost     threads are made once; a run allocates nothing.
class thread_team {
 public:
  explicit thread_team(std::size_t lanes = 1) : size_(lanes == 0 ? 1 : lanes) {
    if (size_ == 1) return;
    shared_ = std::make_unique<state>(size_);
    try {
      for (std::size_t lane = 1; lane < size_; ++lane) threads_.emplace_back([s = shared_.get(), lane] { serve(*s, lane); });
    } catch (...) {  // the system has no more threads
      end();
      throw;
    }
  }
  thread_team(thread_team&&) = default;
  thread_team& operator=(thread_team&&) = delete;
  ~thread_team() { end(); }

  std::size_t size() const { return size_; }

  /// f(lane) for every lane, all of them done on return.
  template <class Function>
  void run(Function&& f) {
    if (size_ == 1) return static_cast<void>(f(std::size_t{0}));
    shared_->context = static_cast<void*>(std::addressof(f));
    shared_->call = [](void* context, std::size_t lane) { (*static_cast<std::remove_reference_t<Function>*>(context))(lane); };
    shared_->waiting.store(size_ - 1, std::memory_order_relaxed);
    start();
    invoke(*shared_, 0);
    for (std::size_t left; (left = shared_->waiting.load(std::memory_order_acquire)) != 0;) shared_->waiting.wait(left);
    detail::rethrow_first(shared_->failures);
  }

 private:
  void end() {
    if (threads_.empty()) return;
    shared_->call = nullptr;
    start();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
  }
  struct state {
    explicit state(std::size_t lanes) : failures(lanes) {}
    std::atomic<std::uint64_t> epoch{0};
    std::atomic<std::size_t> waiting{0};
    void (*call)(void*, std::size_t) = nullptr;
    void* context = nullptr;
    std::vector<std::exception_ptr> failures;
  };

  void start() {
    shared_->epoch.fetch_add(1, std::memory_order_release);
    shared_->epoch.notify_all();
  }
  static void invoke(state& s, std::size_t lane) {
    try {
      s.call(s.context, lane);
    } catch (...) {
      s.failures[lane] = std::current_exception();
    }
  }
  static void serve(state& s, std::size_t lane) {
    for (std::uint64_t seen = 0;;) {
      s.epoch.wait(seen, std::memory_order_acquire);
      seen = s.epoch.load(std::memory_order_acquire);
      if (s.call == nullptr) return;
      invoke(s, lane);
      if (s.waiting.fetch_sub(1, std::memory_order_acq_rel) == 1) s.waiting.notify_one();
    }
  }

  std::size_t size_;
  std::unique_ptr<state> shared_;
  std::vector<std::thread> threads_;
};

}  // namespace zolt::inline v0
