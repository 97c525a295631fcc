// SPDX-License-Identifier: Apache-2.0
// What standard output is: a terminal (how wide, which characters) or a file or pipe.
#pragma once

namespace cvxnn::command {

/// Whether standard output, or standard error, is a terminal that can move its cursor.
bool OutputIsTerminal();
bool ErrorIsTerminal();
/// Columns of the terminal; 80 when it does not say.
int TerminalWidth();
/// Rows of the terminal; 24 when it does not say.
int TerminalHeight();
/// Rows that a line of `width` columns takes on a terminal of `columns`; at least 1.
int RowsTaken(int width, int columns);
/// Whether the locale's character set is UTF-8.
bool TerminalShowsUnicode();

}  // namespace cvxnn::command
