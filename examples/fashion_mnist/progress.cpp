#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace fashion_mnist {
namespace {

constexpr std::chrono::milliseconds between_redraws{100};
constexpr std::chrono::seconds between_lines{10};

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::lround(seconds));
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

progress::progress(std::string title, double total_work)
    : title_{std::move(title)}, total_{total_work}, terminal_{isatty(STDERR_FILENO) == 1}, start_{clock::now()}, drawn_{start_} {
  if (!(std::isfinite(total_) && total_ > 0.0))
    throw std::runtime_error(fmt::format("progress '{}': total_work is {}, must be positive and finite", title_, total_));
}

progress::~progress() { finish(); }

void progress::advance(double work) {
  const std::lock_guard lock(mutex_);
  done_ += work;
  draw(false);
}

void progress::set(double done) {
  const std::lock_guard lock(mutex_);
  done_ = done;
  draw(false);
}

void progress::note(std::string_view sentence) {
  const std::lock_guard lock(mutex_);
  if (line_is_open_) fmt::print(stderr, "\r\x1b[K");
  fmt::print(stderr, "{}\n", sentence);
  if (line_is_open_) fmt::print(stderr, "{}", line());
  std::fflush(stderr);
}

void progress::finish() {
  const std::lock_guard lock(mutex_);
  if (!finished_) draw(true);
  finished_ = true;
}

void progress::draw(bool last) {
  const clock::time_point now = clock::now();
  const bool due = terminal_ ? now - drawn_ >= between_redraws : now - drawn_ >= between_lines;
  if (finished_ || (!last && !due)) return;
  drawn_ = now;
  if (terminal_) fmt::print(stderr, "\r\x1b[K");
  fmt::print(stderr, "{}{}", line(), last || !terminal_ ? "\n" : "");
  line_is_open_ = terminal_ && !last;
  std::fflush(stderr);
}

std::string progress::line() const {
  const double fraction = std::clamp(done_ / total_, 0.0, 1.0);
  const double elapsed = std::chrono::duration<double>(clock::now() - start_).count();
  std::string text = fmt::format("{}: {:3.0f} %, {} elapsed", title_, std::floor(100.0 * fraction), duration(elapsed));
  if (fraction > 0.0 && fraction < 1.0) text += fmt::format(", about {} left", duration(elapsed * (1.0 - fraction) / fraction));
  return text;
}

}  // namespace fashion_mnist
