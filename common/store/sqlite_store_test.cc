#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/store/kept_changes.h"
#include "common/store/sqlite_database.h"
#include "common/store/sqlite_transaction.h"
#include "common/store/store.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// What is SQLite's alone; conformance_*test.cc tests what every engine does.
namespace gitops {
namespace {

using ::testing::HasSubstr;

absl::Status OpenError(const std::string& path) {
  SqliteStoreOptions options;
  options.path = path;
  return OpenSqliteStore(options).status();
}

int ModeOf(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : -1;
}

TEST(SqliteStoreTest, ItsFilesAreForItsUserAlone) {
  TempStore temp;
  ASSERT_TRUE(temp.store()->Put("a", "secret").ok());
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    EXPECT_EQ(ModeOf(temp.path() + suffix), 0600) << suffix;
  }
}

TEST(SqliteStoreTest, AFileThatOthersCouldReadIsTakenFromThem) {
  TempDirectory directory;
  const std::string path = directory.path() + "/store.db";
  std::ofstream(path).flush();
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_TRUE(OpenError(path).ok());
  EXPECT_EQ(ModeOf(path), 0600);
}

TEST(SqliteStoreTest, ASecondStoreOfThisProcessIsRefused) {
  TempStore temp;
  absl::Status status = OpenError(temp.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("process ", ::getpid(), " ")));
  EXPECT_TRUE(temp.store()->Put("a", "1").ok()) << "the first is not disturbed";
}

TEST(SqliteStoreTest, AMissingDirectoryIsNamed) {
  TempDirectory directory;
  absl::Status status = OpenError(directory.path() + "/none/store.db");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("/none/store.db"));
}

TEST(SqliteStoreTest, AFileThatIsNoDatabaseIsDataLossAndLeftAsItIs) {
  TempDirectory directory;
  const std::string path = directory.path() + "/store.db";
  const std::string content(8192, 'x');
  std::ofstream(path) << content;
  absl::Status status = OpenError(path);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(status.message(), HasSubstr(path));
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), content);
}

TEST(SqliteStoreTest, DamagedPagesAreDataLoss) {
  TempDirectory directory;
  const std::string path = directory.path() + "/store.db";
  SqliteStoreOptions options;
  options.path = path;
  {
    auto store = OpenSqliteStore(options);
    ASSERT_TRUE(store.ok());
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE((*store)->Put(absl::StrCat("key/", i), std::string(500, 'v')).ok());
    }
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(0, std::ios::end);
    const std::streamoff size = file.tellg();
    ASSERT_GT(size, 100'000);
    // All but the first page, which has the schema.
    file.seekp(4096);
    file << std::string(static_cast<size_t>(size - 4096), '\x5a');
  }
  auto store = OpenSqliteStore(options);
  absl::Status status = store.ok() ? (*store)->List("").status() : store.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  if (store.ok()) {
    EXPECT_EQ((*store)->Put("a", "").status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(SqliteStoreTest, AFileOfANewerVersionIsRefused) {
  TempDirectory directory;
  const std::string path = directory.path() + "/store.db";
  ASSERT_TRUE(OpenError(path).ok());
  ASSERT_TRUE((*SqliteDatabase::Open(path))->Execute("PRAGMA user_version = 99").ok());
  absl::Status status = OpenError(path);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("newer version"));
}

TEST(SqliteStoreTest, AnEntryTooLargeIsRefusedBeforeAnyOfItsBatchIsWritten) {
  TempStore temp;
  std::vector<StoreWrite> writes(2);
  writes[0] = {"a", "1"};
  writes[1] = {"b", std::string((256 << 20) + 1, 'x')};
  EXPECT_EQ(temp.store()->Write(writes).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(temp.store()->Get("a").status().code(), absl::StatusCode::kNotFound);
}

// The log of changes must neither grow without end nor lose what a watch has not been told.
TEST(SqliteStoreTest, TheLogOfChangesIsTrimmedButNotWhatAWatchHasYetToSee) {
  TempStore temp;
  constexpr int kWrites = kKeptRevisions + kKeptRevisions / 2;
  std::atomic<bool> go = false;
  std::atomic<int> seen = 0;
  auto watch = temp.store()->Watch("", 0, [&](const StoreEvent& event) {
    EXPECT_TRUE(Eventually([&] { return go.load(); }));
    ++seen;
  });
  ASSERT_TRUE(watch.ok());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 16; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = thread; i < kWrites; i += 16) {
        ASSERT_TRUE(temp.store()->Put(absl::StrCat(i % 100), absl::StrCat(i)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(temp.store()->Watch("", 0, [](const StoreEvent&) {}).ok());
  go = true;
  EXPECT_TRUE(Eventually([&] { return seen == kWrites; })) << seen;
  watch->reset();
  ASSERT_TRUE(temp.store()->Put("a", "").ok());
  EXPECT_EQ(temp.store()->Watch("", 0, [](const StoreEvent&) {}).status().code(),
            absl::StatusCode::kOutOfRange);
  temp.Reopen();
  EXPECT_EQ(temp.store()->Watch("", 0, [](const StoreEvent&) {}).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(temp.store()->Watch("", kWrites - kKeptRevisions + 1, [](const StoreEvent&) {}).ok());
}

TEST(SqliteStoreTest, NothingWaitsForTimeWhileThereIsNoLease) {
  FakeClock clock;
  TempStore temp(&clock);
  ASSERT_TRUE(temp.store()->Put("a", "1").ok());
  EXPECT_EQ(clock.waiters(), 0);
  const int64_t lease = *temp.store()->GrantLease(absl::Seconds(10));
  EXPECT_TRUE(clock.AwaitDeadline(clock.Now() + absl::Seconds(10)));
  ASSERT_TRUE(temp.store()->RevokeLease(lease).ok());
  EXPECT_TRUE(clock.AwaitDeadline(absl::InfiniteFuture()));
}

TEST(SqliteStoreTest, ALeaseEndsOnTimeAndNotBefore) {
  FakeClock clock;
  TempStore temp(&clock);
  const int64_t lease = *temp.store()->GrantLease(absl::Seconds(10));
  clock.Advance(absl::Seconds(10) - absl::Microseconds(1));
  EXPECT_TRUE(temp.store()->KeepLeaseAlive(lease).ok());
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(temp.store()->KeepLeaseAlive(lease).code(), absl::StatusCode::kNotFound);
}

TEST(SqliteStoreTest, SettingTheWallClockEndsNoLeaseAndProlongsNone) {
  FakeClock clock;
  TempStore temp(&clock);
  const int64_t lease = *temp.store()->GrantLease(absl::Seconds(10));
  clock.SetTime(clock.Now() + absl::Hours(24));
  EXPECT_TRUE(temp.store()->KeepLeaseAlive(lease).ok());
  clock.SetTime(clock.Now() - absl::Hours(48));
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(temp.store()->KeepLeaseAlive(lease).code(), absl::StatusCode::kNotFound);
}

TEST(SqliteStoreTest, AfterARebootALeaseHasItsWholeTtlFromTheOpeningOn) {
  FakeClock clock;
  TempStore temp(&clock);
  const int64_t lease = *temp.store()->GrantLease(absl::Seconds(10));
  ASSERT_TRUE(temp.store()->Write({{.key = "l", .value = "", .lease = lease}}).ok());
  clock.Advance(absl::Seconds(9));
  temp.Close();
  clock.Reboot();
  clock.Advance(absl::Hours(2));
  temp.Reopen();
  clock.Advance(absl::Seconds(10) - absl::Microseconds(1));
  EXPECT_TRUE(temp.store()->Get("l").ok());
  ASSERT_TRUE(temp.store()->Put("other", "").ok()) << "a transaction ends what is due";
  EXPECT_TRUE(temp.store()->Get("l").ok());
  clock.Advance(absl::Microseconds(1));
  ASSERT_TRUE(temp.store()->Put("other", "").ok());
  EXPECT_EQ(temp.store()->Get("l").status().code(), absl::StatusCode::kNotFound);
}

// As the first release of the schema wrote it: ends in wall time, no boot.
TEST(SqliteStoreTest, LeasesOfTheFirstSchemaBeginAnew) {
  FakeClock clock;
  TempStore temp(&clock);
  const int64_t lease = *temp.store()->GrantLease(absl::Seconds(10));
  ASSERT_TRUE(temp.store()->Write({{.key = "l", .value = "1", .lease = lease}}).ok());
  temp.Close();
  {
    auto database = SqliteDatabase::Open(temp.path());
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE((*database)
                    ->Execute("ALTER TABLE leases DROP COLUMN boot;"
                              "DROP TABLE changes;"
                              "CREATE TABLE changes (revision INTEGER, position INTEGER,"
                              " logged INTEGER, key BLOB, value BLOB,"
                              " PRIMARY KEY (revision, position)) WITHOUT ROWID;"
                              "UPDATE leases SET end_microseconds = 1767225610000000;"
                              "PRAGMA user_version = 1;")
                    .ok());
  }
  temp.Reopen();
  EXPECT_EQ(temp.store()->Get("l")->value, "1");
  EXPECT_TRUE(temp.store()->KeepLeaseAlive(lease).ok());
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(temp.store()->KeepLeaseAlive(lease).code(), absl::StatusCode::kNotFound);
}

TEST(SqliteStoreTest, TheLogIsMovedIntoTheFileBesideTheWriter) {
  TempStore temp;
  for (int batch = 0; batch < 80; ++batch) {
    std::vector<StoreWrite> writes;
    for (int i = 0; i < 50; ++i) {
      writes.push_back({.key = absl::StrCat(batch, "/", i), .value = std::string(3000, 'v')});
    }
    ASSERT_TRUE(temp.store()->Write(writes).ok());
  }
  EXPECT_TRUE(Eventually([&] { return std::filesystem::file_size(temp.path()) > 8'000'000; }));
  EXPECT_EQ(temp.store()->List("")->size(), 4000);
}

TEST(SqliteStoreTest, WatchesAreToldOnlyOfWhatIsKept) {
  TempDirectory directory;
  const auto store = OpenSqliteStore({.path = directory.path() + "/store.db"},
                                     {.without_values = {"big/"}, .none = {"none/"}});
  ASSERT_TRUE(store.ok()) << store.status();
  Mutex mutex;
  std::vector<std::string> told;
  const auto watch = (*store)->Watch("", 0, [&](const StoreEvent& event) {
    MutexLock lock(mutex);
    told.push_back(absl::StrCat(event.revision, " ", event.key, "=", event.value.value_or("-")));
  });
  ASSERT_TRUE(watch.ok()) << watch.status();
  const int64_t first = *(*store)->Write({{.key = "none/1", .value = "x"},
                                          {.key = "big/1", .value = "y"},
                                          {.key = "a", .value = "z"}});
  const int64_t unseen = *(*store)->Put("none/1", "xx");
  const int64_t last = *(*store)->Write({{.key = "none/1"}, {.key = "big/1"}});
  EXPECT_EQ(unseen, first + 1);
  EXPECT_TRUE(Eventually([&] {
    MutexLock lock(mutex);
    return told == std::vector<std::string>{absl::StrCat(first, " big/1="),
                                            absl::StrCat(first, " a=z"),
                                            absl::StrCat(last, " big/1=-")};
  }));
  EXPECT_EQ((*store)->Get("a")->value, "z");
  EXPECT_FALSE((*store)->Get("none/1").ok());
}

// As the second release of the schema wrote it: the changes by revision and position.
TEST(SqliteStoreTest, ChangesOfTheSecondSchemaAreStillTold) {
  TempStore temp;
  const int64_t before = *temp.store()->Put("a", "1");
  const int64_t together = *temp.store()->Write({{.key = "c", .value = "3"}, {.key = "b"}});
  const int64_t last = *temp.store()->Write({{.key = "b", .value = "2"}, {.key = "a"}});
  temp.Close();
  {
    auto database = SqliteDatabase::Open(temp.path());
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE((*database)
                    ->Execute("CREATE TABLE old (revision INTEGER NOT NULL,"
                              " position INTEGER NOT NULL, logged INTEGER NOT NULL,"
                              " key BLOB NOT NULL, value BLOB,"
                              " PRIMARY KEY (revision, position)) WITHOUT ROWID;"
                              "INSERT INTO old SELECT revision, logged, logged, key, value"
                              " FROM changes;"
                              "DROP TABLE changes; ALTER TABLE old RENAME TO changes;"
                              "PRAGMA user_version = 2;")
                    .ok());
  }
  temp.Reopen();
  Mutex mutex;
  std::vector<std::string> told;
  const auto watch = temp.store()->Watch("", before, [&](const StoreEvent& event) {
    MutexLock lock(mutex);
    told.push_back(absl::StrCat(event.revision, " ", event.key, "=", event.value.value_or("-")));
  });
  ASSERT_TRUE(watch.ok()) << watch.status();
  const int64_t next = *temp.store()->Put("d", "4");
  EXPECT_TRUE(Eventually([&] {
    MutexLock lock(mutex);
    return told == std::vector<std::string>{absl::StrCat(together, " c=3"),
                                            absl::StrCat(last, " b=2"), absl::StrCat(last, " a=-"),
                                            absl::StrCat(next, " d=4")};
  }));
}

TEST(SqliteStoreTest, ALeaseWithoutEndStays) {
  FakeClock clock;
  TempStore temp(&clock);
  const int64_t lease = *temp.store()->GrantLease(absl::InfiniteDuration());
  clock.Advance(absl::Hours(24 * 365 * 100));
  EXPECT_TRUE(temp.store()->KeepLeaseAlive(lease).ok());
  EXPECT_EQ(temp.store()->GrantLease(absl::ZeroDuration()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace gitops
