// What papers claim of their methods, each measured here on equal budgets: what holds and what does not.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <mutex>

#include "bench.hpp"
#include "network_task.hpp"
#include "table.hpp"
#include "zolt/core/parallel.hpp"

namespace claims {
namespace {

struct arguments {
  bool quick = false, list = false;
  std::string only, out = ".", images = ZOLT_FASHION_MNIST_DIR, cache = ZOLT_CLAIMS_CACHE, rates = ZOLT_CLAIMS_RATES;
  std::size_t threads = 2;
};

/// Under all reported seeds, or until one contradicts the claim: the verdict is the same.
enum class seeds { all, until_contradicted };

void measure(bench& b, seeds which, result& r) {
  if (!r.of.measure) return;
  for (const unsigned seed : reported_seeds) {
    r.seeds.push_back(r.of.measure(b, seed));
    if (which == seeds::until_contradicted && !r.holds()) return;
  }
}

std::vector<result> measured(bench& b, std::vector<claim> all, seeds which, std::size_t threads) {
  std::vector<result> results;
  for (claim& c : all) results.push_back({std::move(c)});
  std::atomic<std::size_t> next{0};
  std::mutex printing;
  zolt::thread_team team(threads);
  team.run([&](std::size_t) {
    for (std::size_t i; (i = next++) < results.size();) {
      result& r = results[i];
      measure(b, which, r);
      const std::lock_guard lock(printing);
      print(r);
    }
  });
  return results;
}

int run(const arguments& given) {
  std::vector<claim> all = all_claims();
  std::erase_if(all, [&](const claim& c) { return c.method.find(given.only) == std::string::npos; });
  if (given.list) {
    for (const claim& c : all) fmt::print("{}: {}\n", c.method, c.says);
    return 0;
  }
  prepare_networks(given.images, given.cache);
  print_header();
  bench b(given.quick ? read_best_rates(given.rates) : best_rates{});
  const std::vector<result> results = measured(b, std::move(all), given.quick ? seeds::until_contradicted : seeds::all, given.threads);
  std::filesystem::create_directories(given.out);
  write_markdown(results, given.out + "/claims.md");
  write_tsv(results, given.out + "/claims.tsv");
  write_best_rates(b.rates(), given.out + "/best_rates.tsv");
  fmt::print("{}\n", summary(results));
  return 0;
}

}  // namespace
}  // namespace claims

int main(int argc, char** argv) {
  claims::arguments given;
  CLI::App app("Claims of papers, measured on equal budgets");
  app.add_flag("--quick", given.quick,
               "with the best rates of an earlier run, and no further seed once one contradicts: the same verdicts");
  app.add_flag("--list", given.list, "print the claims and measure nothing");
  app.add_option("--only", given.only, "methods whose name contains this");
  app.add_option("--out", given.out, "folder for the table");
  app.add_option("--images", given.images, "folder with the four Fashion-MNIST .gz files");
  app.add_option("--rates", given.rates, "file with the best rates of an earlier run, for --quick");
  app.add_option("--cache", given.cache, "file that keeps the float network between runs");
  app.add_option("--threads", given.threads, "claims that are measured side by side")->check(CLI::PositiveNumber);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  try {
    return claims::run(given);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "claims: %s\n", e.what());
    return 2;
  }
}
