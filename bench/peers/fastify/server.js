import Fastify from 'fastify';
import { MongoClient } from 'mongodb';

const users = new MongoClient(process.env.MONGODB_URL).db().collection('users');
const app = Fastify();
const name = { type: 'string' };

app.get(
  '/users/:id',
  { schema: { response: { 200: { type: 'object', properties: { id: { type: 'string' }, name } } } } },
  async (request, reply) => {
    const user = await users.findOne({ _id: request.params.id });
    return user ? { id: user._id, name: user.name } : reply.code(404).send({ error: 'User not found' });
  },
);

app.put(
  '/users/:id',
  { schema: { body: { type: 'object', required: ['name'], properties: { name } } } },
  async (request, reply) => {
    await users.updateOne({ _id: request.params.id }, { $set: { name: request.body.name } }, { upsert: true });
    return reply.code(204).send();
  },
);

await app.listen({ host: '127.0.0.1', port: process.env.PORT });
