// SPDX-License-Identifier: LGPL-2.1-or-later
// What is printed: tables and blocks of lines for people, JSON for programs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "values.h"

namespace virtbusctl {

struct OutputOptions {
    bool json = false;
    bool legend = true;
};

struct Column {
    const char* heading;
    const char* key;  // in JSON
    enum class Fit { keep, right, cut, only_json } fit = Fit::keep;
};

struct Cell {
    std::string text;  // printable
    Json value;
};
/// A text as it came: the table makes it printable.
[[nodiscard]] Cell text_cell(const std::string& text);
[[nodiscard]] Cell number_cell(std::uint64_t number);
[[nodiscard]] Cell size_cell(std::uint64_t bytes);
[[nodiscard]] Cell flag_cell(bool flag);

/// Rows for people are fitted to the terminal, at the cost of the columns that may be cut.
class Table {
public:
    /// `things`: what there would be none of, such as "machines".
    Table(const char* things, std::vector<Column> columns) : things_(things), columns_(std::move(columns)) {}

    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    void print(const OutputOptions& options) const;

private:
    void print_json() const;
    void print_lines(bool legend) const;

    const char* things_;
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

/// Lines "   Name: value" with the names aligned at the colon.
class Block {
public:
    /// A line; nothing if the (printable) text is empty. Further lines of the text are indented.
    void add(const std::string& name, const std::string& text);
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

/// ASCII only, so that nothing in it can drive a terminal.
[[nodiscard]] std::string json_text(const Json& value);  // for reading, several lines
[[nodiscard]] std::string json_line(const Json& value);  // for streams
void print_json(const Json& value);

}  // namespace virtbusctl
