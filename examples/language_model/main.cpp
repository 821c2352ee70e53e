// Fine-tunes a small quantized language model on another kind of text with forward passes, and shows what each kind of credit buys.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "gradient_check.hpp"
#include "training.hpp"

#ifndef ZOLT_DATA_DIR
#define ZOLT_DATA_DIR "../shared/data"
#endif

namespace language_model {
namespace {

struct options {
  std::filesystem::path data = ZOLT_DATA_DIR;
  std::string format = "int4", only;
  std::uint64_t forwards = 600;
  std::vector<std::uint64_t> seeds = {1};
  bool quick = false;
};

std::string short_name(const recipe& r, zolt::purity_class purity) {
  return r.from == credit::chained ? "FO" : std::string(zolt::text_of(purity).substr(0, 2));
}

/// Every recipe of a format under every seed; the outcomes in the same order.
std::vector<outcome> run_all(const options& o, const std::vector<recipe>& recipes) {
  const auto folder = o.data / "stories260K";
  const auto model = quantize_report::language_model::load(folder / "stories260K.bin");
  const auto words = quantize_report::tokenizer::load(folder / "tok512.bin", model.vocabulary());
  const fairy_tales texts = fairy_tales::load(o.data / "text" / "grimms_fairy_tales.txt", words);
  const std::size_t judged = o.quick ? 8 : texts.test.size();
  fmt::print("stories260K in {}, {} texts of Grimm's fairy tales to learn from, loss in nats per token of {} others\n", o.format,
             texts.train.size(), judged);
  fmt::print("{:<32} {:>4} {:<5} {:>7} {:>7} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8}\n", "method", "seed", "class", "trained", "B/wt",
             "forwards", "work", "before", "after", "ms/step", "MB held");
  std::vector<outcome> all;
  for (const recipe& r : recipes)
    for (const std::uint64_t seed : o.seeds) {
      const assignment a{model, texts, o.forwards, seed, std::size_t{o.quick ? 4U : 8U}, judged};
      const outcome& done = all.emplace_back(o.format == "int4" ? train_int4(r, a) : train_int8(r, a));
      fmt::print("{:<32} {:>4} {:<5} {:>5.0f} % {:>7.3f} {:>8.0f} {:>7.0f} {:>7.3f} {:>7.3f} {:>8.1f} {:>8.1f}\n", r.name, seed,
                 short_name(r, done.purity), 100 * done.trained_share, done.state_bytes_per_weight, done.forwards, done.work,
                 done.loss_before, done.loss_after, done.milliseconds_per_step, static_cast<double>(done.working_bytes) / 1e6);
      std::fflush(stdout);
    }
  fmt::print(
      "class: what an update reads (zolt::purity_class), FO for a chain of backwards through all blocks. B/wt: bytes kept per trained "
      "weight.\nwork: forwards and all other products, in forwards. MB held: during a step, beside the forward's own activations.\n");
  return all;
}

/// A few steps of every forward-only kind of credit must lower the loss.
void run_quick(options o) {
  constexpr double allowed = 1e-2;
  const double error = largest_gradient_error();
  fmt::print("backward of blocks against central differences: {:.1e} of the RMS\n", error);
  if (!(error < allowed)) throw std::runtime_error(fmt::format("gradient of a block: error = {} must be below {}", error, allowed));
  o.forwards = 8;
  std::vector<recipe> recipes;
  for (const credit from : {credit::head, credit::broadcast, credit::blocks})
    for (recipe r : recipes_of("int4"))
      if (r.from == from && r.residual) r.rate = 0.1, recipes.push_back(std::move(r));
  const std::vector<outcome> outcomes = run_all(o, recipes);
  for (std::size_t i = 0; i < recipes.size(); ++i)
    if (const outcome& done = outcomes[i]; !(done.loss_after < done.loss_before - 0.05))
      throw std::runtime_error(fmt::format("{}: loss = {} must be below {} - 0.05", recipes[i].name, done.loss_after, done.loss_before));
}

void run(const options& o) {
  if (!std::filesystem::exists(o.data / "stories260K" / "stories260K.bin")) {
    fmt::print("{}: no stories260K/stories260K.bin, so there is nothing to train\n", o.data.string());
    return;
  }
  if (o.quick) return run_quick(o);
  std::vector<recipe> recipes;
  for (recipe& r : recipes_of(o.format))
    if (r.name.find(o.only) != std::string::npos) recipes.push_back(std::move(r));
  if (recipes.empty()) throw std::runtime_error(fmt::format("--only: methods with '{}' = 0 must be at least 1", o.only));
  run_all(o, recipes);
}

}  // namespace
}  // namespace language_model

int main(int argument_count, char** arguments) {
  language_model::options o;
  CLI::App app{
      "Fine-tunes the quantized language model stories260K on Grimm's fairy tales with forward passes whose layers are read: the output\n"
      "layer's exact gradient, its error broadcast to the blocks below, and a backward inside single blocks. Or, by losses alone, "
      "prefixes\n"
      "of the attention.",
      "language_model"};
  app.add_option("--data", o.data, "Folder with stories260K/ and text/")->type_name("DIR")->capture_default_str();
  app.add_option("--format", o.format, "Format of the weights")->capture_default_str()->check(CLI::IsMember({"int4", "int8"}));
  app.add_option("--forwards", o.forwards, "Forward passes of each run, of 8 texts of 128 tokens")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  app.add_option("--seeds", o.seeds, "Seeds of the runs, separated by commas")->type_name("N,...")->delimiter(',')->capture_default_str();
  app.add_option("--only", o.only, "Only methods whose name contains this")->type_name("TEXT");
  app.add_flag("--quick", o.quick, "Check the blocks' backward, and that a few steps of every kind of credit learn");
  CLI11_PARSE(app, argument_count, arguments);
  try {
    language_model::run(o);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "language_model: {}\n", failure.what());
    return 1;
  }
}
