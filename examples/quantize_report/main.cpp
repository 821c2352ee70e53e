// Quantizes a model with every format and method and prints what each costs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>

#include "methods.hpp"
#include "subject.hpp"
#include "zolt/adapter/fmt.hpp"
#include "zolt/linear/linear.hpp"

#ifndef ZOLT_DATA_DIR
#define ZOLT_DATA_DIR "../shared/data"
#endif

namespace quantize_report {
namespace {

/// ‖X·(Ŵ − W)ᵀ‖² and ‖X·Wᵀ‖² of one matrix.
struct output_change {
  double error = 0, output = 0;
};
output_change changed(const zolt::tensor<float>& x, const zolt::tensor<float>& w, const zolt::tensor<float>& seen) {
  zolt::tensor<float> y({x.rows(), w.rows()}), y_seen(y.shape());
  zolt::linear(w, x, y);
  zolt::linear(seen, x, y_seen);
  output_change c;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double before = y.data()[i], e = y_seen.data()[i] - before;
    c.error += e * e;
    c.output += before * before;
  }
  return c;
}

void print_row(const std::string& name, const zolt::tensor_report& total, double output_error, double loss) {
  fmt::print("{:<24} {:>7.3f} {:>9.4f} {:>8.2f} % {:>8.4f}{}\n", name, total.bits_per_weight(), total.relative_rmse(),
             100 * total.clip_rate(), output_error, std::isnan(loss) ? "" : fmt::format(" {:>8.4f}", loss));
  std::fflush(stdout);
}

void run(const subject& s, std::size_t most_matrices, bool every_tensor) {
  const std::size_t count = most_matrices == 0 ? s.matrices.size() : std::min(most_matrices, s.matrices.size());
  fmt::print("{}\n{:<24} {:>7} {:>9} {:>10} {:>8}{}\n", s.description, "method", "bits", "rmse", "clipped", "output",
             s.loss ? fmt::format(" {:>8}", "loss") : "");
  const double none = std::nan("");
  if (s.loss) fmt::print("{:<24} {:>7.3f} {:>9.4f} {:>8.2f} % {:>8.4f} {:>8.4f}\n", "float32", 32.0, 0.0, 0.0, 0.0, s.loss(s.matrices));
  for (const method& m : methods()) {
    zolt::quantization_report report;
    std::vector<named_matrix> seen = s.matrices;
    double squared_output_error = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const named_matrix& original = s.matrices[i];
      quantized_matrix q = m.apply(original.name, original.weights, s.calibration[i]);
      q.report.method = m.name;
      const output_change c = changed(s.held_out[i], original.weights, q.seen);
      squared_output_error += c.error / c.output / static_cast<double>(count);
      report.tensors.push_back(std::move(q.report));
      seen[i].weights = std::move(q.seen);
    }
    print_row(m.name, report.total(), std::sqrt(squared_output_error), s.loss ? s.loss(seen) : none);
    if (every_tensor) fmt::print("{}\n", report);
  }
}

}  // namespace
}  // namespace quantize_report

int main(int argument_count, char** arguments) {
  std::filesystem::path data = ZOLT_DATA_DIR;
  std::size_t stories = 64, matrices = 0;
  bool every_tensor = false;
  CLI::App app{
      "Quantizes the stories260K language model with every method: bits per weight, relative RMSE of the weights, share of weights\n"
      "outside their range, relative error of the layers' outputs on other texts, and loss in nats per token.",
      "quantize_report"};
  app.add_option("--data", data, "Folder with stories260K/ and text/")->type_name("DIR")->capture_default_str();
  app.add_option("--stories", stories, "Stories of 128 tokens on which the loss is measured")
      ->capture_default_str()
      ->check(CLI::Range(1, 500));
  app.add_option("--matrices", matrices, "Quantize the first N matrices alone; 0 for all")->capture_default_str();
  app.add_flag("--tensors", every_tensor, "A table of tensors for each method");
  CLI11_PARSE(app, argument_count, arguments);
  try {
    if (std::filesystem::exists(data / "stories260K" / "stories260K.bin")) {
      quantize_report::run(quantize_report::language_model_subject(data, stories), matrices, every_tensor);
    } else {
      fmt::print("{}: no stories260K/stories260K.bin, so a made-up perceptron takes its place\n", data.string());
      quantize_report::run(quantize_report::perceptron_subject(), matrices, every_tensor);
    }
  } catch (const std::exception& failure) {
    fmt::print(stderr, "quantize_report: {}\n", failure.what());
    return 1;
  }
}
