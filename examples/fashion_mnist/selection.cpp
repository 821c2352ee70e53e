#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "study.hpp"

namespace fashion_mnist {
namespace {

struct trial {
  recipe setting;
  std::size_t grid;  ///< which of the recipes it is tried for
  spread accuracy;
};

}  // namespace

void run_selection(const options& chosen, const float_network& shipped, const experiment_data& data,
                   const std::optional<upright_data>& upright) {
  const std::vector<recipe> recipes = chosen_recipes(chosen);
  std::vector<trial> trials;
  std::vector<recipe> settings;
  for (std::size_t i = 0; i < recipes.size(); ++i)
    for (const recipe& setting : grid_of(recipes[i])) {
      trials.push_back({setting, i, {}});
      settings.push_back(setting);
    }
  const std::vector<job> jobs = jobs_of(settings, chosen.seeds);
  progress line(fmt::format("trying {} settings", trials.size()), work_of(jobs));
  const results all = study(shipped, data, upright, true).run(jobs, chosen.threads, line);
  line.finish();
  for (std::size_t i = 0; i < trials.size(); ++i) {
    std::vector<double> accuracies;
    for (std::size_t seed = 0; seed < chosen.seeds.size(); ++seed)
      accuracies.push_back(all.rows[i * chosen.seeds.size() + seed].accuracy_adapted);
    trials[i].accuracy = spread_of(std::move(accuracies));
  }

  fmt::print(
      "Accuracy on the 1000 validation images, median (minimum to maximum) over {} seeds. * is the best of a grid, < the recipe's own "
      "setting.\n\n",
      chosen.seeds.size());
  fmt::print("{:<7}{:<34}{:>9}{:>9}{:>8}{:>7}{:>9}{:>7}   accuracy\n", "format", "method", "forwards", "rate", "radius", "ratio", "minimum",
             "power");
  for (const trial& t : trials) {
    const recipe& r = t.setting;
    const bool best = std::none_of(trials.begin(), trials.end(),
                                   [&](const trial& other) { return other.grid == t.grid && other.accuracy.median > t.accuracy.median; });
    fmt::print("{:<7}{:<34}{:>9}{:>9.4g}{:>8.3g}{:>7.3g}{:>9.2g}{:>7.2g}   {:5.1f} ({:.1f} to {:.1f}){}{}\n", r.format, r.method,
               r.forwards, r.rate, r.radius, r.density.ratio, r.density.minimum, r.power, t.accuracy.median, t.accuracy.smallest,
               t.accuracy.largest, best ? " *" : "", r == recipes[t.grid] ? " <" : "");
  }
}

}  // namespace fashion_mnist
