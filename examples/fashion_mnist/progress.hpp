#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

namespace fashion_mnist {

/// One line on stderr with what is done, what that took and what is still to come.
///
/// On a terminal the line is redrawn in place; elsewhere a new line follows every ten seconds, so that a log stays readable. The unit of
/// work is the caller's; parallel jobs may report to one object at the same time.
class progress {
 public:
  progress(std::string title, double total_work);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// Adds to the work that is done.
  void advance(double work);

  /// Sets the work that is done, e.g. from a callback that tells a fraction.
  void set(double done);

  /// Prints a sentence of its own without tearing the line.
  void note(std::string_view sentence);

  /// Draws the last state and ends the line; the destructor does it if the caller did not.
  void finish();

 private:
  using clock = std::chrono::steady_clock;

  void draw(bool last);
  std::string line() const;

  std::mutex mutex_;
  std::string title_;
  double total_;
  double done_ = 0.0;
  bool terminal_;
  bool line_is_open_ = false;
  bool finished_ = false;
  clock::time_point start_;
  clock::time_point drawn_;
};

}  // namespace fashion_mnist
