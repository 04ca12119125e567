// Copies the users of simple-user-api, {_id: ObjectId, user_id, user_name}, to UserApi's collection. Run it with mongosh:
//
//   FROM=myapp.users TO=users.users mongosh "mongodb://…" --quiet --file tools/move-simple-user-api.js
//
// It adds users and changes none, so it can be stopped and run again, even while UserApi runs. It prints every document that it does not
// copy with the reason, one JSON object per line. REMOVE=true deletes the old documents whose users were copied; the others stay.

const [from, to] = [process.env.FROM || 'myapp.users', process.env.TO || 'users.users'].map(name => {
  const [database, ...collection] = name.split('.');
  return db.getSiblingDB(database).getCollection(collection.join('.'));
});
const batchSize = 1000;
const counts = { moved: 0, there: 0, leftOut: 0, removed: 0 };

// The rules of UserId.cs and UserInputReader.cs. \p{Z} is what .NET calls white space, except control characters, which are refused anyway.
function problemOf(old, previous) {
  const { _id, user_id: id, user_name: name } = old;
  if (!(_id instanceof ObjectId)) return '_id is not an ObjectId';
  if (typeof id !== 'string') return 'user_id is not text';
  if (id === previous) return 'an older document has the same user_id';
  if (!/^[\p{L}\p{M}\p{Nd}\-._~@+:|=]{1,128}$/u.test(id)) return 'user_id is not 1 to 128 letters, marks, digits and -._~@+:|=';
  if (/^\p{M}/u.test(id)) return 'user_id begins with a combining mark';
  if (/[\p{Cf}\p{DI}]/u.test(id)) return 'user_id has characters that cannot be seen';
  if (/^\.+$/.test(id)) return 'user_id is only dots';
  if (typeof name !== 'string') return 'user_name is not text';
  if (/^\p{Z}*$/u.test(name)) return 'user_name is blank';
  if (!/^\P{Cc}{1,200}$/u.test(name)) return 'user_name is longer than 200 characters or has control characters';
  if (/(?![\u200C\u200D\uFE0E\uFE0F])[\p{Cf}\p{DI}\p{Zl}\p{Zp}]/u.test(name)) return 'user_name has characters that cannot be seen';
  return null;
}

function leaveOut(old, reason) {
  counts.leftOut++;
  print(JSON.stringify({ _id: String(old._id), user_id: old.user_id, reason }));
}

function move(batch) {
  const users = batch.map(({ _id, user_id, user_name }) => {
    const time = _id.getTimestamp();
    return { _id: user_id, name: user_name, createdAt: time, updatedAt: time, version: _id.toHexString() };
  });
  let errors = [];
  try {
    to.insertMany(users, { ordered: false, writeConcern: { w: 'majority' } });
  } catch (e) {
    if (!e.writeErrors || e.result.getWriteConcernError()) throw e;
    errors = [].concat(e.writeErrors);
  }

  const failed = new Map(errors.map(error => [error.index, error]));
  counts.moved += users.length - failed.size;
  const taken = new Map(to.find({ _id: { $in: [...failed.keys()].map(index => users[index]._id) } }).collation({ locale: 'simple' })
    .toArray().map(user => [user._id, user]));
  const arrived = [];
  batch.forEach((old, index) => {
    const user = taken.get(old.user_id);
    if (!failed.has(index)) arrived.push(old._id);
    // createdAt never changes, so a user with the old document's time was copied in an earlier run.
    else if (user && Number(user.createdAt) === Number(users[index].createdAt)) counts.there++, arrived.push(old._id);
    else leaveOut(old, user ? 'UserApi has another user with this id' : failed.get(index).errmsg);
  });
  if (process.env.REMOVE === 'true' && arrived.length > 0) {
    counts.removed += from.deleteMany({ _id: { $in: arrived } }, { writeConcern: { w: 'majority' } }).deletedCount;
  }
}

// Ordered by id, and by age within the same id: simple-user-api returned the oldest document of an id.
const olds = from.find({ user_id: { $exists: true } }).sort({ user_id: 1, _id: 1 }).collation({ locale: 'simple' });
let batch = [];
let previous;
while (olds.hasNext()) {
  const old = olds.next();
  const problem = problemOf(old, previous);
  previous = old.user_id;
  if (problem) leaveOut(old, problem);
  else batch.push(old);
  if (batch.length === batchSize) {
    move(batch);
    batch = [];
  }
}

if (batch.length > 0) move(batch);
print(`Moved: ${counts.moved}. There already: ${counts.there}. Left out: ${counts.leftOut}. Old documents removed: ${counts.removed}.`);
