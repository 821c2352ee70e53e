#include "subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <utility>

#include "zolt/linear/linear.hpp"
#include "zolt/random/stream.hpp"

namespace quantize_report {
namespace {

using chunks = std::vector<std::vector<int>>;

/// The inputs of every matrix while a model reads some texts, at most `most` rows of each.
std::vector<zolt::tensor<float>> inputs_of(const language_model& model, std::span<const std::vector<int>> texts, std::size_t most) {
  std::vector<std::vector<float>> rows(model.matrices().size());
  for (const std::vector<int>& text : texts)
    model.loss(text, [&rows](std::size_t matrix, zolt::tensor_view<const float> inputs) {
      rows[matrix].insert(rows[matrix].end(), inputs.flat().begin(), inputs.flat().end());
    });
  std::vector<zolt::tensor<float>> inputs;
  for (std::size_t m = 0; m < rows.size(); ++m) {
    const std::size_t columns = model.matrices()[m].weights.columns(), count = std::min(most, rows[m].size() / columns);
    inputs.emplace_back(zolt::shape{count, columns});
    std::copy_n(rows[m].begin(), count * columns, inputs.back().data());
  }
  return inputs;
}

/// Random numbers from fixed words, so that the perceptron is the same everywhere.
class normal_numbers {
 public:
  explicit normal_numbers(std::uint64_t seed) : words_(zolt::random_stream({.run = seed}, 1, zolt::stream::mask)) {}
  float operator()() {  // the sum of 12 uniform numbers
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += (words_(next_++) + 0.5) * 0x1p-32;
    return static_cast<float>(sum);
  }

 private:
  zolt::word_reader words_;
  std::uint64_t next_ = 0;
};

}  // namespace

subject language_model_subject(const std::filesystem::path& data, std::size_t count) {
  constexpr std::size_t calibration_stories = 16;
  const auto folder = data / "stories260K";
  const auto model = std::make_shared<language_model>(language_model::load(folder / "stories260K.bin"));
  const tokenizer words = tokenizer::load(folder / "tok512.bin", model->vocabulary());
  const chunks all = stories(data / "text" / "tinystories_sample.txt", words, count + calibration_stories);
  if (all.size() <= calibration_stories)
    throw std::runtime_error(fmt::format("tinystories_sample.txt: stories = {} must be more than {}", all.size(), calibration_stories));
  const std::size_t judged = all.size() - calibration_stories;
  subject s;
  s.description = fmt::format("stories260K: {} matrices, calibrated on {} stories of 128 tokens, judged on {} others",
                              model->matrices().size(), calibration_stories, judged);
  s.matrices = model->matrices();
  s.calibration = inputs_of(*model, std::span(all).subspan(judged), 2048);
  s.held_out = inputs_of(*model, std::span(all).first(std::min<std::size_t>(judged, 4)), 512);
  s.loss = [model,
            texts = chunks(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(judged))](const std::vector<named_matrix>& matrices) {
    model->matrices() = matrices;
    double sum = 0;
    for (const std::vector<int>& text : texts) sum += model->loss(text);
    return sum / static_cast<double>(texts.size());
  };
  return s;
}

subject perceptron_subject() {
  constexpr std::size_t sizes[] = {256, 192, 128, 64}, examples = 1024, factors = 24;
  subject s;
  s.description = "a made-up perceptron 256-192-128-64";
  normal_numbers next(1);
  for (std::size_t layer = 0; layer < 3; ++layer) {
    zolt::tensor<float> w({sizes[layer + 1], sizes[layer]});
    for (float& v : w.flat()) {
      const float z = next();
      v = z * std::fabs(z) / std::sqrt(static_cast<float>(sizes[layer]));
    }
    s.matrices.push_back({fmt::format("layer{}", layer), std::move(w)});
  }
  zolt::tensor<float> mix({sizes[0], factors}), hidden({2 * examples, factors}), x({2 * examples, sizes[0]});
  for (std::size_t j = 0; j < sizes[0]; ++j)
    for (std::size_t f = 0; f < factors; ++f) mix(j, f) = next() * (j % 64 == 0 ? 3.0F : 0.3F);
  for (float& v : hidden.flat()) v = next();
  zolt::linear(mix, hidden, x);
  for (float& v : x.flat()) v += 0.1F * next();
  for (const named_matrix& m : s.matrices) {
    for (auto* const part : {&s.calibration, &s.held_out}) {
      zolt::tensor<float> rows({examples, m.weights.columns()});
      std::copy_n(x.data() + (part == &s.held_out ? rows.size() : 0), rows.size(), rows.data());
      part->push_back(std::move(rows));
    }
    zolt::tensor<float> y({2 * examples, m.weights.rows()});
    zolt::linear(m.weights, x, y);
    for (float& v : y.flat()) v = std::max(v, 0.0F);
    x = std::move(y);
  }
  return s;
}

}  // namespace quantize_report
