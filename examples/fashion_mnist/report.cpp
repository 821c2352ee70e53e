#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace fashion_mnist {
namespace {

/// A name of our own never needs quotes; a name that somebody adds later must not break the columns.
std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char letter : text) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + '"';
}

void write_file(const std::filesystem::path& folder, std::string_view name, const std::string& content) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw std::runtime_error(fmt::format("folder '{}': cannot be created: {}", folder.string(), error.message()));
  const std::filesystem::path path = folder / name;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file) throw std::runtime_error(fmt::format("file '{}': {} bytes cannot be written", path.string(), content.size()));
}

std::size_t width_on_screen(std::string_view text) {
  const auto starts_letter = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };  // UTF-8
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_letter));
}

std::string figure(double value, int digits) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits); }

using table_line = std::array<std::string, 14>;

bool same_kind(const result_row& a, const result_row& b) {
  return a.format == b.format && a.method == b.method && a.forwards == b.forwards;
}

table_line summarise(std::span<const result_row> rows, const result_row& kind) {
  const auto over_seeds = [&](auto column) {
    std::vector<double> values;
    for (const result_row& row : rows)
      if (same_kind(row, kind)) values.push_back(static_cast<double>(column(row)));
    return spread_of(std::move(values));
  };
  const auto median = [&](auto member, int digits) {
    return figure(over_seeds([&](const result_row& row) { return row.*member; }).median, digits);
  };
  const spread adapted = over_seeds([](const result_row& row) { return row.accuracy_adapted; });
  return {kind.format,
          kind.method,
          kind.purity,
          median(&result_row::forwards, 0),
          median(&result_row::work, 0),
          median(&result_row::accuracy_shipped, 1),
          median(&result_row::accuracy_turned, 1),
          fmt::format("{} ({}–{})", figure(adapted.median, 1), figure(adapted.smallest, 1), figure(adapted.largest, 1)),
          median(&result_row::weight_bytes, 0),
          median(&result_row::optimizer_bytes, 0),
          median(&result_row::ms_per_step, 3),
          median(&result_row::ms_per_forward, 3),
          median(&result_row::ms_float_forward, 3),
          median(&result_row::step_over_two_forwards, 2)};
}

}  // namespace

spread spread_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return {std::nan(""), std::nan(""), std::nan("")};
  std::sort(values.begin(), values.end());
  const std::size_t upper = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[upper] : 0.5 * (values[upper - 1] + values[upper]);
  return {median, values.front(), values.back()};
}

void write_summary(const std::filesystem::path& folder, std::string_view name, std::span<const result_row> rows) {
  std::string text =
      "format,method,purity,seed,forwards,work,accuracy_shipped,accuracy_turned,accuracy_adapted,weight_bytes,optimizer_bytes,ms_per_step,"
      "ms_per_forward,ms_float_forward,step_over_two_forwards\n";
  for (const result_row& row : rows) {
    text += fmt::format("{},{},{},{},{},{:.0f},{:.2f},{:.2f},{:.2f},{},{},{:.4f},{:.4f},{:.4f},{:.3f}\n", csv_field(row.format),
                        csv_field(row.method), row.purity, row.seed, row.forwards, row.work, row.accuracy_shipped, row.accuracy_turned,
                        row.accuracy_adapted, row.weight_bytes, row.optimizer_bytes, row.ms_per_step, row.ms_per_forward,
                        row.ms_float_forward, row.step_over_two_forwards);
  }
  write_file(folder, name, text);
}

void write_curves(const std::filesystem::path& folder, std::span<const curve_point> points) {
  std::string text = "format,method,seed,forwards,accuracy\n";
  for (const curve_point& point : points) {
    text +=
        fmt::format("{},{},{},{},{:.2f}\n", csv_field(point.format), csv_field(point.method), point.seed, point.forwards, point.accuracy);
  }
  write_file(folder, "curves.csv", text);
}

std::string table(std::span<const result_row> rows) {
  std::vector<table_line> lines{
      {"", "", "", "forward", "work in", "accuracy", "", "", "weight", "optimizer", "ms per", "ms per", "ms float", "step / two"},
      {"format", "method", "class", "passes", "forwards", "shipped", "→ turned", "→ adapted (min–max)", "bytes", "bytes", "step", "forward",
       "forward", "forwards"}};
  std::vector<const result_row*> kinds;
  for (const result_row& row : rows) {
    if (std::any_of(kinds.begin(), kinds.end(), [&](const result_row* kind) { return same_kind(*kind, row); })) continue;
    kinds.push_back(&row);
    lines.push_back(summarise(rows, row));
  }
  std::array<std::size_t, std::tuple_size_v<table_line>> widths{};
  for (const table_line& line : lines)
    for (std::size_t column = 0; column < line.size(); ++column) widths[column] = std::max(widths[column], width_on_screen(line[column]));
  std::string text;
  const auto append_rule = [&] {
    for (std::size_t column = 0; column < widths.size(); ++column)
      for (std::size_t dash = 0; dash < widths[column] + (column == 0 ? 0 : 2); ++dash) text += "─";
    text += '\n';
  };
  for (std::size_t line = 0; line < lines.size(); ++line) {
    if (line == 2) append_rule();
    for (std::size_t column = 0; column < widths.size(); ++column) {
      const std::string padding(widths[column] - width_on_screen(lines[line][column]), ' ');
      const bool is_name = column < 3;
      if (column != 0) text += "  ";
      text += is_name ? lines[line][column] + padding : padding + lines[line][column];
    }
    text += '\n';
  }
  return text + "Accuracies in percent of the test images. Medians over the seeds; all times from this run.\n";
}

void print_table(std::span<const result_row> rows) {
  fmt::print("{}", table(rows));
  std::fflush(stdout);
}

}  // namespace fashion_mnist
