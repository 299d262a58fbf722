#include "common/config/named_file.h"

#include <filesystem>
#include <utility>

#include "absl/status/statusor.h"

namespace gitops {

std::optional<std::string> ReadNamedFile(const TomlTable& table, absl::string_view key,
                                         const std::string& directory, std::string& path) {
  const std::optional<std::string> named = table.Text(key);
  if (!named.has_value()) return std::nullopt;
  path = (std::filesystem::path(directory) / *named).lexically_normal().string();
  absl::StatusOr<std::string> text = ReadConfigText(path);
  if (text.ok()) return *std::move(text);
  table.Fault(key, text.status().message());
  return std::nullopt;
}

}  // namespace gitops
