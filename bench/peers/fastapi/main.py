"""The two operations of simple-user-api, but by _id: the original finds users by a field without an index, which reads every user."""

import os

from fastapi import FastAPI, Response
from pydantic import BaseModel
from pymongo import MongoClient

users = MongoClient(os.environ["MONGODB_URL"]).get_default_database().users
app = FastAPI()


class User(BaseModel):
    name: str


@app.get("/users/{user_id}")
def get_user(user_id: str, response: Response):
    user = users.find_one({"_id": user_id})
    if user:
        return {"message": f"The name of {user['_id']} is {user['name']}"}
    response.status_code = 404
    return {"error": "User not found"}


@app.put("/users/{user_id}", status_code=204)
def put_user(user_id: str, user: User):
    users.update_one({"_id": user_id}, {"$set": {"name": user.name}}, upsert=True)
