#ifndef GITOPS_COMMON_LOG_LOG_H_
#define GITOPS_COMMON_LOG_LOG_H_

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Sets the log format on standard error, "text" or "json" (one object per line: time, level,
// message, then the fields), and the minimum level ("debug", "info", "warning", "error").
// INVALID_ARGUMENT names the value and the allowed ones. May be called again (SIGHUP).
absl::Status ConfigureLog(absl::string_view format, absl::string_view level);

// One field of a log line. Values are text; a Secret does not convert to it.
using LogField = std::pair<absl::string_view, std::string>;

// Logs a message with fields. Control characters are escaped. Thread-safe.
void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});

// The newest lines that were logged, oldest first: at most 2,000, and 1 MiB together. Thread-safe.
std::vector<std::string> RecentLogLines();

inline void LogDebug(absl::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kDebug, m, f);
}
inline void LogInfo(absl::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kInfo, m, f);
}
inline void LogWarning(absl::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kWarning, m, f);
}
inline void LogError(absl::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kError, m, f);
}

}  // namespace gitops

#endif  // GITOPS_COMMON_LOG_LOG_H_
