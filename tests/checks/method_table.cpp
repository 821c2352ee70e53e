// Prints the methods of the registry as the table of the README.
#include <cstdio>
#include <string>
#include <type_traits>

#include "zolt/zolt.hpp"

int main() {
  std::puts("| method | idea | trains | forward passes per step | bytes per weight | replays | policies and defaults | source |");
  std::puts("|---|---|---|---|---|---|---|---|");
  zolt::method::for_each_method([](const auto& e) {
    using entry = std::remove_cvref_t<decltype(e)>;
    const auto text = [](std::string_view part) { return std::string(part); };
    const std::string row = "| `" + text(e.name) + "` | " + text(e.idea) + " | " + text(zolt::method::text_of(entry::trains)) + " | " +
                            zolt::method::text_of(e.forwards) + " | " + zolt::to_text(entry::state_bytes_per_weight) + " | " +
                            (entry::replays ? "yes" : "no") + " | " + zolt::method::composition_text(e) + " | " + text(e.source) + " |";
    std::puts(row.c_str());
  });
}
