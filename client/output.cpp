// SPDX-License-Identifier: LGPL-2.1-or-later
#include "output.h"

#include <fmt/format.h>
#include <libsmartcols.h>

#include <algorithm>
#include <memory>
#include <new>

#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

struct TableRelease {
    void operator()(libscols_table* table) const { scols_unref_table(table); }
};
using SmartTable = std::unique_ptr<libscols_table, TableRelease>;

int column_flags(Column::Fit fit) {
    switch (fit) {
        case Column::Fit::keep: return 0;
        case Column::Fit::right: return SCOLS_FL_RIGHT;
        case Column::Fit::cut: return SCOLS_FL_TRUNC;
        case Column::Fit::only_json: return SCOLS_FL_HIDDEN;
    }
    return 0;
}

SmartTable new_table(bool legend) {
    SmartTable table(scols_new_table());
    if (!table) throw std::bad_alloc();
    scols_table_enable_noheadings(table.get(), legend ? 0 : 1);
    // The text is printable already; libsmartcols would also escape what is not in the locale.
    scols_table_enable_noencoding(table.get(), 1);
    return table;
}

void add_line(libscols_table* table, const std::vector<Cell>& row) {
    libscols_line* const line = scols_table_new_line(table, nullptr);
    if (line == nullptr) throw std::bad_alloc();
    for (std::size_t i = 0; i < row.size(); i++)
        if (scols_line_set_data(line, i, row[i].text.c_str()) != 0) throw std::bad_alloc();
}

}  // namespace

Cell text_cell(const std::string& text) { return {printable(text), text}; }
Cell number_cell(std::uint64_t number) { return {fmt::to_string(number), number}; }
Cell size_cell(std::uint64_t bytes) { return {size_text(bytes), bytes}; }
Cell flag_cell(bool flag) { return {flag ? "yes" : "no", flag}; }

void Table::print(const OutputOptions& options) const {
    if (options.json)
        print_json();
    else if (!rows_.empty())
        print_lines(options.legend);
    else if (options.legend)
        fmt::print("No {}.\n", things_);
}

void Table::print_json() const {
    Json result = Json::array();
    for (const auto& row : rows_) {
        Json object = Json::object();
        for (std::size_t i = 0; i < columns_.size(); i++) object[columns_[i].key] = row[i].value;
        result.push_back(std::move(object));
    }
    virtbusctl::print_json(result);
}

void Table::print_lines(bool legend) const {
    const SmartTable table = new_table(legend);
    for (const auto& column : columns_)
        if (scols_table_new_column(table.get(), column.heading, 0, column_flags(column.fit)) == nullptr)
            throw std::bad_alloc();
    for (const auto& row : rows_) add_line(table.get(), row);
    scols_print_table(table.get());
}

void Block::add(const std::string& name, const std::string& text) {
    if (!text.empty()) lines_.emplace_back(name, text);
}

std::string Block::text() const {
    std::size_t width = 0;
    for (const auto& line : lines_) width = std::max(width, display_width(line.first));
    std::string result;
    for (const auto& [name, text] : lines_) {
        result += fmt::format("{:>{}}: ", name, width);
        for (const char c : text) {
            result += c;
            if (c == '\n') result.append(width + 2, ' ');
        }
        result += '\n';
    }
    return result;
}

std::string json_text(const Json& value) { return value.dump(2, ' ', true, Json::error_handler_t::replace); }

std::string json_line(const Json& value) { return value.dump(-1, ' ', true, Json::error_handler_t::replace); }

void print_json(const Json& value) { fmt::print("{}\n", json_text(value)); }

}  // namespace virtbusctl
