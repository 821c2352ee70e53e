#pragma once

#include <string>
#include <vector>

#include "claim.hpp"

namespace claims {

void print_header();
void print(const result& r);

/// One table, for readers and for programs.
void write_markdown(const std::vector<result>& all, const std::string& file);
void write_tsv(const std::vector<result>& all, const std::string& file);

/// "31 hold, 20 do not hold, 7 are not testable here".
std::string summary(const std::vector<result>& all);

}  // namespace claims
