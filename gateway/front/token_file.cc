#include "gateway/front/token_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/toml.h"
#include "common/log/log.h"

namespace gitops {
namespace {

absl::StatusOr<Tokens> ReadTokens(const std::string& path, std::string* text = nullptr) {
  absl::StatusOr<std::string> read = ReadConfigText(path);
  if (!read.ok()) return read.status();
  absl::StatusOr<Tokens> tokens = Tokens::Parse(*read, path);
  if (text != nullptr) *text = *std::move(read);
  return tokens;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(const std::string& path, Clock* clock,
                                                           Scheduler* scheduler) {
  if (path.empty()) return std::unique_ptr<TokenFile>(new TokenFile(path, Tokens()));
  std::string text;
  absl::StatusOr<Tokens> tokens = ReadTokens(path, &text);
  if (!tokens.ok()) return tokens.status();
  std::unique_ptr<TokenFile> file(new TokenFile(path, *std::move(tokens)));
  file->follower_ =
      std::make_unique<ConfigFollower>(path, std::move(text), clock, scheduler, [raw = file.get()] {
        raw->Read();
        return true;
      });
  return file;
}

void TokenFile::Read() {
  absl::StatusOr<Tokens> tokens = ReadTokens(path_);
  if (!tokens.ok()) {
    return LogError("the new token file is invalid; the previous one stays in use",
                    {{"file", path_}, {"error", std::string(tokens.status().message())}});
  }
  LogInfo("tokens reloaded", {{"file", path_}, {"tokens", absl::StrCat(tokens->all().size())}});
  auto fresh = std::make_shared<const Tokens>(*std::move(tokens));
  MutexLock lock(mutex_);
  tokens_ = std::move(fresh);
}

}  // namespace gitops
